//! The README's first two fenced blocks are the two commands, a line each, and they are there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn the_first_two_blocks_are_the_two_commands() {
    let page = include_str!("../../../README.md");
    let blocks: Vec<&str> = page
        .split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').map_or("", |(_, body)| body).trim_end())
        .collect();
    assert_eq!(blocks[0], "./scripts/demo");
    assert_eq!(blocks[1], "./scripts/test");
    for command in &blocks[..2] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(command);
        let mode = path.metadata().unwrap().permissions().mode();
        assert!(mode & 0o111 != 0, "{command} can be run");
    }
}
