//! x
pub(crate) fn is_wanted() -> bool {
    false
}
pub(crate) fn main() -> anyhow::Result<()> {
    Ok(())
}
