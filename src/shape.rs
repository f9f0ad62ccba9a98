//! `--jq`: what is printed, shaped by a jq expression (jaq).
