//! Which profiles the project in a folder can use: what `evt profile allow` stores.
//!
//! Without this list a cloned repository could name the user's production profile, and the next command in its folder
//! would act there.

use std::path::{Path, PathBuf};

use super::{ConfigError, File, Kind, LOCAL, Location, set, unset};
use crate::paths::Paths;

/// The allowed profiles of all folders, in the user's own settings folder.
#[derive(Clone, Debug)]
pub struct Allowed {
    path: PathBuf,
}

impl Allowed {
    /// The list of the user whose folders these are.
    pub fn of(paths: &Paths) -> Self {
        Self {
            path: paths.allowed_profiles_file(),
        }
    }

    /// Checks that the project in `folder` can use a profile. It can always use `local`.
    pub fn check(&self, folder: &Path, name: &str) -> Result<(), ConfigError> {
        if name == LOCAL
            || self
                .list()?
                .iter()
                .any(|(found, allowed)| found == folder && allowed == name)
        {
            return Ok(());
        }
        Err(ConfigError::ProfileNotAllowed {
            location: Location(None),
            name: name.to_owned(),
            folder: folder.to_owned(),
        })
    }

    /// Folders with the profiles that their projects can use, in the order in which they were allowed.
    pub fn list(&self) -> Result<Vec<(PathBuf, String)>, ConfigError> {
        let Some(file) = File::read_if_there(&self.path, Kind::User)? else {
            return Ok(Vec::new());
        };
        let pairs = file.true_keys().filter_map(|path| match path {
            [folder, name] => Some((PathBuf::from(folder), name.clone())),
            _ => None,
        });
        Ok(pairs.collect())
    }

    /// Allows the project in `folder`, a path without symbolic links, to use a profile.
    pub fn allow(&self, folder: &Path, name: &str) -> Result<(), ConfigError> {
        set(&self.path, &[&folder.to_string_lossy(), name], "true")
    }

    /// Takes back [`Allowed::allow`]. Returns whether the profile was allowed.
    pub fn revoke(&self, folder: &Path, name: &str) -> Result<bool, ConfigError> {
        unset(&self.path, &[&folder.to_string_lossy(), name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_allowed_for_one_folder_until_it_is_revoked() {
        let home = tempfile::tempdir().unwrap();
        let allowed = Allowed::of(&Paths::under(home.path()));
        let (shop, other) = (Path::new("/src/my shop.v1"), Path::new("/src"));
        assert!(allowed.check(shop, LOCAL).is_ok());
        assert!(allowed.check(shop, "prod").is_err());
        allowed.allow(shop, "prod").unwrap();
        assert!(allowed.check(shop, "prod").is_ok());
        assert!(allowed.check(shop, "prod.eu").is_err());
        assert!(allowed.check(other, "prod").is_err());
        assert_eq!(
            allowed.list().unwrap(),
            [(shop.to_owned(), "prod".to_owned())]
        );
        assert!(allowed.revoke(shop, "prod").unwrap());
        assert!(!allowed.revoke(shop, "prod").unwrap());
        assert!(allowed.check(shop, "prod").is_err());
    }
}
