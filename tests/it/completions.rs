//! `evt completions`: the scripts for shells.

use crate::support::Sandbox;

#[test]
fn every_shell_gets_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = sandbox.run(["completions", shell]).expect_exit(0);
        assert!(output.stdout.contains("completions"), "{shell}: {output}");
        assert_eq!(output.stderr, "", "{shell}");
    }
}

#[test]
fn an_unknown_shell_is_a_usage_error_that_lists_the_shells() {
    let output = Sandbox::new().run(["completions", "tcsh"]).expect_exit(2);
    assert!(
        output
            .stderr
            .contains("error: `tcsh` is not a valid value for `<SHELL>`"),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("one of: bash, elvish, fish, powershell, zsh"),
        "{output}"
    );
}
