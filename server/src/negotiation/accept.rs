//! The `Accept` header.

use super::Encoding;

/// What an answer is turned into: `as=Table;g=meta.k8s.io;v=v1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The API group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
}

/// The negotiated form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The encoding.
    pub encoding: Encoding,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// What the answer is turned into; `None` for the objects as they are.
    pub target: Option<Target>,
}

impl Media {
    /// Compact JSON.
    #[must_use]
    pub const fn json() -> Self {
        Self { encoding: Encoding::Json, pretty: false, target: None }
    }
}

#[derive(Debug, PartialEq)]
struct Clause<'h> {
    main: &'h str,
    sub: &'h str,
    weight: f32,
    parameters: Vec<(&'h str, &'h str)>,
}

/// The first form that the client takes and `allows` lets through; `None` where there is none (406). An absent or empty
/// header takes anything.
pub fn accept(header: Option<&str>, allows: impl Fn(Encoding, Option<&Target>) -> bool) -> Option<Media> {
    let Some(header) = header.filter(|header| !header.is_empty()) else { return Some(Media::json()) };
    let clauses = parse(header);
    clauses.iter().find_map(|clause| {
        Encoding::ALL.into_iter().filter(|encoding| clause.covers(*encoding)).find_map(|encoding| {
            let media = clause.media(encoding)?;
            allows(encoding, media.target.as_ref()).then_some(media)
        })
    })
}

impl Clause<'_> {
    fn covers(&self, encoding: Encoding) -> bool {
        let Some((main, sub)) = encoding.media_type().split_once('/') else { return false };
        (self.main == main && (self.sub == sub || self.sub == "*")) || (self.main == "*" && self.sub == "*")
    }

    /// The form that the clause asks for; `None` where a parameter rules it out.
    fn media(&self, encoding: Encoding) -> Option<Media> {
        let mut media = Media { encoding, pretty: false, target: None };
        for (key, value) in &self.parameters {
            let target = || Target::default();
            match *key {
                "as" => (*value).clone_into(&mut media.target.get_or_insert_with(target).kind),
                "g" => (*value).clone_into(&mut media.target.get_or_insert_with(target).group),
                "v" => (*value).clone_into(&mut media.target.get_or_insert_with(target).version),
                // YAML can't stream, and there is no other stream than a watch.
                "stream" if !value.is_empty() && (encoding == Encoding::Yaml || *value != "watch") => return None,
                // The version of the server's own options.
                "sv" if !value.is_empty() && *value != "v1" => return None,
                "pretty" => media.pretty = *value == "1",
                _ => {}
            }
        }
        Some(media)
    }
}

/// The clauses, the heaviest first; of equal ones the more specific first.
fn parse(header: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = header.split(',').filter_map(clause).collect();
    let wild = |part: &str| part == "*";
    clauses.sort_by(|a, b| {
        b.weight.total_cmp(&a.weight).then(wild(a.main).cmp(&wild(b.main))).then(wild(a.sub).cmp(&wild(b.sub)))
    });
    clauses
}

fn clause(text: &str) -> Option<Clause<'_>> {
    let mut parts = text.trim().split(';');
    let mut range = parts.next()?.split('/');
    let main = range.next()?.trim();
    let sub = match (range.next(), range.next()) {
        (None, _) if main == "*" => "*",
        (Some(sub), None) if !sub.is_empty() => sub.trim(),
        _ => return None,
    };
    let mut clause = Clause { main, sub, weight: 1.0, parameters: Vec::new() };
    for parameter in parts {
        let Some((key, value)) = parameter.split_once('=') else { continue };
        if value.is_empty() || value.contains('=') {
            continue;
        }
        match key.trim() {
            "q" => clause.weight = value.parse().unwrap_or(0.0),
            key => clause.parameters.push((key, value.trim())),
        }
    }
    Some(clause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Option<(Encoding, Option<String>)> {
        let media = accept(Some(header), |encoding, target| match target {
            None => true,
            Some(target) => target.kind != "Table" || encoding != Encoding::Protobuf,
        })?;
        Some((
            media.encoding,
            media.target.map(|target| format!("{}/{}/{}", target.group, target.version, target.kind)),
        ))
    }

    #[test]
    fn clauses_win_by_weight_and_order() {
        let table = || Some("meta.k8s.io/v1/Table".to_owned());
        let rows = [
            ("", Some((Encoding::Json, None))),
            ("*/*", Some((Encoding::Json, None))),
            ("application/*", Some((Encoding::Json, None))),
            ("application/yaml", Some((Encoding::Yaml, None))),
            ("application/json;q=0.5, application/yaml", Some((Encoding::Yaml, None))),
            ("*/*, application/yaml", Some((Encoding::Yaml, None))),
            ("application/vnd.kubernetes.protobuf,application/json", Some((Encoding::Protobuf, None))),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some((Encoding::Json, table())),
            ),
            (
                "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, application/json;as=Table;v=v1;g=meta.k8s.io",
                Some((Encoding::Json, table())),
            ),
            ("application/json;stream=watch", Some((Encoding::Json, None))),
            ("application/yaml;stream=watch, text/plain", None),
            ("application/json;stream=other", None),
            ("text/html", None),
            ("nonsense", None),
        ];
        for (header, expected) in rows {
            assert_eq!(of(header), expected, "{header}");
        }
    }
}
