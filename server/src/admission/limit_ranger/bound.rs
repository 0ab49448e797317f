//! One limit against what one container, pod or claim asks for, and the sentences of its violation.

use howdah_api::quantity::Quantity;
use k8s_openapi::api::core::v1::LimitRangeItem;

use crate::admission::resource_list::{ResourceList, parse_texts};

/// Values up to here are compared in thousandths.
const MAX_MILLI_VALUE: i64 = i64::MAX / 1000;

/// What is asked for.
pub(super) struct Asked {
    pub(super) requests: ResourceList,
    pub(super) limits: ResourceList,
}

impl Asked {
    /// All that violates the limit.
    pub(super) fn violations(&self, item: &LimitRangeItem) -> Vec<String> {
        let min = parse_texts(item.min.as_ref());
        let max = parse_texts(item.max.as_ref());
        let ratio = parse_texts(item.max_limit_request_ratio.as_ref());
        let kind = item.type_.as_str();
        let below = min.iter().filter_map(|(name, bound)| self.below(kind, name, *bound));
        let above = max.iter().filter_map(|(name, bound)| self.above(kind, name, *bound));
        let stretched = ratio.iter().filter_map(|(name, bound)| self.stretched(kind, name, *bound));
        below.chain(above).chain(stretched).collect()
    }

    /// All that violates the limit, where only requests can be made.
    pub(super) fn request_violations(&self, item: &LimitRangeItem) -> Vec<String> {
        let min = parse_texts(item.min.as_ref());
        let max = parse_texts(item.max.as_ref());
        let kind = item.type_.as_str();
        let below = min.iter().filter_map(|(name, bound)| self.below(kind, name, *bound));
        let above = max.iter().filter_map(|(name, bound)| {
            let told = format!("maximum {name} usage per {kind} is {bound}");
            match self.requests.get(name) {
                None => Some(format!("{told}.  No request is specified")),
                Some(request) if is_more(*request, *bound) => Some(format!("{told}, but request is {request}")),
                Some(_) => None,
            }
        });
        below.chain(above).collect()
    }

    fn below(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("minimum {name} usage per {kind} is {bound}");
        match (self.requests.get(name), self.limits.get(name)) {
            (None, _) => Some(format!("{told}.  No request is specified")),
            (Some(request), _) if is_more(bound, *request) => Some(format!("{told}, but request is {request}")),
            (_, Some(limit)) if is_more(bound, *limit) => Some(format!("{told}, but limit is {limit}")),
            _ => None,
        }
    }

    fn above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("maximum {name} usage per {kind} is {bound}");
        match (self.requests.get(name), self.limits.get(name)) {
            (_, None) => Some(format!("{told}.  No limit is specified")),
            (_, Some(limit)) if is_more(*limit, bound) => Some(format!("{told}, but limit is {limit}")),
            (Some(request), _) if is_more(*request, bound) => Some(format!("{told}, but request is {request}")),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio is told with six decimals; upstream rounds likewise")]
    fn stretched(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("{name} max limit to request ratio per {kind} is {bound}");
        let non_zero = |list: &ResourceList| list.get(name).copied().filter(|quantity| !quantity.is_zero());
        let Some(request) = non_zero(&self.requests) else {
            return Some(format!("{told}, but no request is specified or request is 0"));
        };
        let Some(limit) = non_zero(&self.limits) else {
            return Some(format!("{told}, but no limit is specified or limit is 0"));
        };
        let (limit, request) = comparable(limit, request);
        let ratio = limit as f64 / request as f64;
        let is_fine = bound.value() <= MAX_MILLI_VALUE;
        let (observed, most) = if is_fine { (ratio * 1000.0, bound.milli_value()) } else { (ratio, bound.value()) };
        (observed > most as f64).then(|| format!("{told}, but provided ratio is {ratio:.6}"))
    }
}

fn is_more(one: Quantity, other: Quantity) -> bool {
    let (one, other) = comparable(one, other);
    one > other
}

/// Both in thousandths, or in whole units where one of them is too large for that.
fn comparable(one: Quantity, other: Quantity) -> (i64, i64) {
    if one.value() <= MAX_MILLI_VALUE && other.value() <= MAX_MILLI_VALUE {
        (one.milli_value(), other.milli_value())
    } else {
        (one.value(), other.value())
    }
}
