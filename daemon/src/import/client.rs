//! Reads a client payload: what each flag serves to one context.

use shared::evaluated;
use shared::fault::Fault;
use shared::import::{Import, ImportedConfig, ImportedFlag, Line, Said, Subject};
use shared::json::Json;
use shared::json::pointer::escape;
use shared::key::{EnvironmentKey, FlagKey};

/// Reads the payload of an environment.
///
/// # Errors
/// It is not an object.
pub fn read(import: &mut Import, environment: &EnvironmentKey, export: &Json) -> Result<(), Vec<Fault>> {
    let Some(members) = export.as_object() else {
        return Err(vec![Fault::new("", format!("must be an object, not {}", export.type_name()))]);
    };
    for (name, entry) in members {
        let at = format!("/{}", escape(name));
        let read = FlagKey::new(name.as_str())
            .map_err(|e| vec![Fault::new(at.clone(), e.to_string())])
            .and_then(|key| Ok((key, evaluated::read(entry, &at)?)));
        let (key, shown) = match read {
            Ok(read) => read,
            Err(faults) => {
                import.refused.push(Line::refused(Subject::Flag, name, faults));
                continue;
            }
        };
        import.flags.push(ImportedFlag {
            key,
            at: at.clone(),
            variations: None,
            version: shown.flag_version,
            availability: None,
            details: None,
            configs: vec![ImportedConfig {
                environment: environment.clone(),
                at,
                version: shown.version,
                salt: None,
                said: Said::Shown(shown),
                rule_places: Vec::new(),
            }],
            notes: Vec::new(),
        });
    }
    Ok(())
}
