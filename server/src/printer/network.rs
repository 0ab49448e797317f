//! Services, their endpoints, ingresses, network policies and addresses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

pub(super) const SERVICE: Kind = Kind {
    columns: &[
        NAME,
        column::text("Type", "How the service is reached."),
        column::text("Cluster-IP", "The address inside the cluster."),
        column::text("External-IP", "The addresses outside the cluster."),
        column::text("Port(s)", "The ports, node ports and protocols."),
        AGE,
        column::wide("Selector", "Labels of the pods behind it."),
    ],
    cells: service,
    conditions: None,
};

pub(super) const ENDPOINTS: Kind = Kind {
    columns: &[NAME, column::text("Endpoints", "Addresses and ports behind the service."), AGE],
    cells: |endpoints| row![endpoints.name(), subsets(endpoints), endpoints.age()],
    conditions: None,
};

pub(super) const ENDPOINT_SLICE: Kind = Kind {
    columns: &[
        NAME,
        column::text("AddressType", "What kind of addresses the slice has."),
        column::text("Ports", "The ports that the endpoints have in common."),
        column::text("Endpoints", "The endpoints' addresses."),
        AGE,
    ],
    cells: |slice| {
        let port = |port: View<'_>| {
            let number = port.maybe_int("port").map(|number| number.to_string());
            number.unwrap_or_else(|| port.present_or("name", "*").to_owned())
        };
        let ports: Vec<String> = slice.list("ports").map(port).collect();
        let addresses = slice.list("endpoints").flat_map(|endpoint| endpoint.list("addresses"));
        let addresses: Vec<String> = addresses.map(|address| address.as_text().to_owned()).collect();
        row![
            slice.name(),
            slice.text("addressType"),
            human::shortened_or_unset(&ports, 3),
            human::shortened_or_unset(&addresses, 3),
            slice.age(),
        ]
    },
    conditions: None,
};

pub(super) const INGRESS: Kind = Kind {
    columns: &[
        NAME,
        column::text("Class", "The class whose controller serves it."),
        column::text("Hosts", "The hosts that it serves."),
        column::text("Address", "The load balancer's addresses."),
        column::text("Ports", "The ports that are open."),
        AGE,
    ],
    cells: |ingress| {
        let tls = ingress.count("spec.tls") > 0;
        row![
            ingress.name(),
            ingress.present_or("spec.ingressClassName", "<none>"),
            hosts(ingress),
            load_balancer(ingress),
            if tls { "80, 443" } else { "80" },
            ingress.age(),
        ]
    },
    conditions: None,
};

pub(super) const INGRESS_CLASS: Kind = Kind {
    columns: &[
        NAME,
        column::text("Controller", "The controller that serves ingresses of this class."),
        column::text("Parameters", "Where further settings of the class are."),
        AGE,
    ],
    cells: |class| {
        let mark =
            if class.annotation("ingressclass.kubernetes.io/is-default-class") == "true" { " (default)" } else { "" };
        let of = class.at("spec.parameters");
        let parameters = if of.is_some() {
            let group = if of.has("apiGroup") { format!(".{}", of.text("apiGroup")) } else { String::new() };
            format!("{}{group}/{}", of.text("kind"), of.text("name"))
        } else {
            "<none>".to_owned()
        };
        row![format!("{}{mark}", class.name()), class.text("spec.controller"), parameters, class.age()]
    },
    conditions: None,
};

pub(super) const NETWORK_POLICY: Kind = Kind {
    columns: &[NAME, column::text("Pod-Selector", "Labels of the pods that it is about."), AGE],
    cells: |policy| {
        let pods = policy.at("spec.podSelector");
        row![policy.name(), human::selector_cell(pods), policy.age()]
    },
    conditions: None,
};

pub(super) const SERVICE_CIDR: Kind = Kind {
    columns: &[NAME, column::text("CIDRs", "The ranges that services' addresses are taken from."), AGE],
    cells: |range| row![range.name(), range.joined("spec.cidrs"), range.age()],
    conditions: None,
};

pub(super) const IP_ADDRESS: Kind = Kind {
    columns: &[NAME, column::text("ParentRef", "What has the address.")],
    cells: |address| {
        let parent = address.at("spec.parentRef");
        let mut text = "<none>".to_owned();
        if parent.is_some() {
            text = parent.text("resource").to_lowercase();
            for (separator, field) in [('.', "group"), ('/', "namespace")] {
                let part = parent.text(field);
                if !part.is_empty() {
                    text.push(separator);
                    // Only the resource is brought into small letters as a whole, its group among it.
                    text.push_str(&if separator == '.' { part.to_lowercase() } else { part.to_owned() });
                }
            }
            text.push('/');
            text.push_str(parent.text("name"));
        }
        row![address.name(), text, address.age()]
    },
    conditions: None,
};

fn service(service: View<'_>) -> Vec<Value> {
    let internal = service.list("spec.clusterIPs").next().map_or("<none>", View::as_text);
    let ports: Vec<String> = service.list("spec.ports").map(port).collect();
    row![
        service.name(),
        service.text("spec.type"),
        internal,
        external(service),
        if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") },
        service.age(),
        human::labels(service.map("spec.selector")),
    ]
}

fn port(port: View<'_>) -> String {
    let (number, protocol) = (port.int("port"), port.text("protocol"));
    match port.int("nodePort") {
        node_port @ 1.. => format!("{number}:{node_port}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

fn external(service: View<'_>) -> String {
    let own = service.joined("spec.externalIPs");
    match service.text("spec.type") {
        "ClusterIP" | "NodePort" if own.is_empty() => "<none>".to_owned(),
        "ClusterIP" | "NodePort" => own,
        "LoadBalancer" => {
            let balancer = load_balancer(service);
            match (balancer.is_empty(), own.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (true, false) => own,
                (false, true) => balancer,
                (false, false) => format!("{balancer},{own}"),
            }
        }
        "ExternalName" => service.text("spec.externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// The addresses or, without, the host names in `status.loadBalancer`, each once and ordered.
fn load_balancer(object: View<'_>) -> String {
    let ingress = object.list("status.loadBalancer.ingress");
    let names: BTreeSet<&str> = ingress.map(|at| at.text_or("ip", at.text("hostname"))).collect();
    names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(",")
}

/// The first three rules are looked at, and those of them that have none are left out.
fn hosts(ingress: View<'_>) -> String {
    let mut shown = Vec::new();
    let mut more = false;
    let count = ingress.count("spec.rules");
    for rule in ingress.list("spec.rules") {
        more |= shown.len() == 3;
        let host = rule.text("host");
        if !more && !host.is_empty() {
            shown.push(host);
        }
    }
    match (shown.is_empty(), more) {
        (true, _) => "*".to_owned(),
        (false, true) => format!("{} + {} more...", shown.join(","), count - 3),
        (false, false) => shown.join(","),
    }
}

fn subsets(endpoints: View<'_>) -> String {
    let mut texts = Vec::new();
    for subset in endpoints.list("subsets") {
        let addresses = || subset.list("addresses").map(|address| address.text("ip"));
        if subset.count("ports") == 0 {
            texts.extend(addresses().map(str::to_owned));
        }
        for port in subset.list("ports") {
            let port = port.int("port");
            texts.extend(
                addresses().map(|ip| if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }),
            );
        }
    }
    match endpoints.count("subsets") {
        0 => "<none>".to_owned(),
        _ => human::shortened(&texts, 3, ","),
    }
}
