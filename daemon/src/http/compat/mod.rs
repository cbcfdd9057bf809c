//! ROOF: the rooms of other products' APIs, one file each.

pub mod system_config;
pub mod system_config_view;
