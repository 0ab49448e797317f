//! Tables: a line with a resource's group, version and kind, and an object of it.

#![no_main]

use howdah_api::codec::json;
use howdah_api::resource::{Resource, resources};
use howdah_api::schema::builtin;
use howdah_fuzz::check;
use howdah_fuzz::input::Input;
use howdah_fuzz::object::NOW;
use howdah_fuzz::seed::{self, Form};
use howdah_server::printer::{Head, IncludeObject, Item, Options, Printer, TableVersion, list_table};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(init: seed::write(Form::Json, &[""]), |data: &[u8]| {
    let mut input = Input::new(data);
    let words = input.words();
    let resource: &Resource = words.pick(resources(), |row| {
        let (group, version) = words.at(0).split_once('/').unwrap_or(("", words.at(0)));
        (&*row.group, &*row.version, &*row.kind) == (group, version, words.at(1))
    });
    let storage = &resource.storage;
    let Some(node) = builtin::kind(&storage.group, &storage.version, &resource.kind) else { return };
    let Ok(decoded) = json::decode(input.rest(), node) else { return };
    let tree = check::normal(decoded.value, node);
    let wire = json::encode(&tree, node);
    for include in [IncludeObject::Object, IncludeObject::Metadata, IncludeObject::None] {
        let options = Options { version: TableVersion::V1, include, now: NOW };
        let printer = Printer::of(resource, words.at(2));
        let columns = printer.columns().len();
        let table = list_table(printer, &Head::default(), [Item { tree: &tree, wire: &wire }], &options);
        let table: Value = serde_json::from_slice(&table).expect("a table is JSON");
        for row in table["rows"].as_array().expect("a table has rows") {
            let cells = row["cells"].as_array().map_or(0, Vec::len);
            assert!(cells == columns || resource.kind == "IPAddress", "{cells} cells, {columns} columns");
        }
    }
});
