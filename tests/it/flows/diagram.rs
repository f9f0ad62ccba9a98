//! `evt flows show --diagram` and `-o mermaid`.

use super::create;
use crate::support::terminal::on_terminal;
use crate::support::{LocalPlatform, Sandbox};

const FLOW: &str = "\
name: leads
trigger:
  type: contact.created
steps:
  - {id: a, type: condition, when: data.status == \"lead\", config: {trueStepId: b, falseStepId: end}}
  - {id: b, type: send_webhook, config: {url: 'https://user:hunter2@bridge.example.com/a/path/that/is/long', secret: hunter2}, nextStepId: end}
  - {id: end, type: end}
";

#[test]
fn a_flow_of_the_platform_is_drawn_when_stdout_is_piped() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let output = sandbox.run(["flows", "show", "bridge", "--diagram"]);
    assert_eq!(
        output.expect_exit(0).stdout,
        "bridge
+-----------------+
| contact.created |
+-----------------+
  v
+----------------------------+
| 1 send_webhook             |
|   POST 127.0.0.1:4871/hook |
+----------------------------+
  * end
"
    );
}

#[test]
fn a_file_is_drawn_without_a_platform_and_without_its_secrets() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("flow.yaml", FLOW);
    let file = file.to_str().unwrap();
    for form in [&["--diagram"][..], &["-o", "mermaid"]] {
        let output = sandbox.run(["flows", "show", "-f", file].iter().chain(form));
        let text = output.expect_exit(0).stdout;
        assert!(text.contains("bridge.example.com/a/path"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_diagram_fits_the_terminal_and_uses_its_characters() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("flow.yaml", FLOW);
    let command = || sandbox.command(["flows", "show", "--diagram", "-f", file.to_str().unwrap()]);
    let ascii = on_terminal(command(), 32);
    let mut utf8 = command();
    utf8.env("LANG", "C.UTF-8");
    let unicode = on_terminal(utf8, 32);
    assert!(
        ascii.is_ascii() && unicode.contains('┌'),
        "{ascii}\n{unicode}"
    );
    for line in ascii.lines().chain(unicode.lines()) {
        assert!(line.chars().count() <= 32, "{line}\n{ascii}");
    }
}

#[test]
fn a_diagram_is_not_json_and_other_commands_print_no_mermaid() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("flow.yaml", FLOW);
    let show = [
        "flows",
        "show",
        "-f",
        file.to_str().unwrap(),
        "--diagram",
        "--json",
    ];
    let refused = sandbox.run(show).expect_exit(2);
    assert!(
        refused.stderr.contains("a diagram is not JSON"),
        "{refused}"
    );
    for command in [
        &["flows", "list"][..],
        &["dev"],
        &["flows", "create", "--dry-run"],
    ] {
        let refused = sandbox
            .run(command.iter().chain(&["-o", "mermaid"]))
            .expect_exit(2);
        assert!(
            refused
                .stderr
                .contains("`-o mermaid` is only for diagrams of flows"),
            "{refused}"
        );
    }
}
