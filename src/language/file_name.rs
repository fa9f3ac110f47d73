//! File names made from labels.

/// Makes a file name of a label: models are called `org/name`, and addresses have colons.
pub fn plain_file_name(label: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-@,[]= ".contains(c);
    let name: String = label.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    // Neither hidden nor a way out of the folder.
    if name.starts_with('.') { format!("_{name}") } else { name }
}
