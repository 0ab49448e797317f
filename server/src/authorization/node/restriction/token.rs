//! Tokens and certificates for the node's pods: only for a pod that runs on it, and only what that pod asks for.

use k8s_openapi::api::core::v1::{Pod, Volume};

use super::pod::{is_mirror, node_of};
use super::{Checked, NodeWrite, Object, Operation, Refusal, forbidden, unexpected_type};
use crate::authorization::attributes::Attributes;
use howdah_api::go::{aggregate, quote};

impl NodeWrite<'_> {
    pub(super) fn token(&self) -> Checked {
        let Object::TokenRequest(request) = self.write.object else { return unexpected_type() };
        let spec = request.spec.clone().unwrap_or_default();
        let Some(bound) = spec.bound_object_ref else { return forbidden("node requested token not bound to a pod") };
        let name = bound.name.as_deref().unwrap_or_default();
        if bound.api_version.as_deref() != Some("v1") || bound.kind.as_deref() != Some("Pod") || name.is_empty() {
            return forbidden("node requested token not bound to a pod");
        }
        let Some(uid) = bound.uid.filter(|uid| !uid.is_empty()) else {
            return forbidden("node requested token with a pod binding without a uid");
        };
        let Some(pod) = self.cluster.pod(self.write.namespace, name) else {
            return Err(Refusal::NotFound { resource: "pod", name: name.to_owned() });
        };
        if pod.metadata.uid.as_ref() != Some(&uid) {
            return forbidden(format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
                 been deleted and then recreated"
            ));
        }
        if node_of(&pod) != self.node {
            return forbidden("node requested token bound to a pod scheduled on a different node");
        }
        match spec.audiences.as_deref().unwrap_or_default() {
            [] => self.audience(&pod, ""),
            [audience] => self.audience(&pod, audience),
            _ => forbidden("node may only request 0 or 1 audiences"),
        }
    }

    /// Whether the pod has a use for a token of this audience, or the node has the right to ask for it all the same.
    fn audience(&self, pod: &Pod, audience: &str) -> Checked {
        let mut errors = Vec::new();
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        for volume in volumes {
            match self.volume_has_audience(pod, volume, audience) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => errors.push(error),
            }
        }
        if let Some(errors) = aggregate(&errors) {
            return forbidden(format!("error validating audience {}: {errors}", quote(audience)));
        }
        let verdict = self.ask("request-serviceaccounts-token-audience", audience, self.write.name);
        let (user, audience) = (&self.write.user.name, quote(audience));
        match verdict {
            Ok(()) => Ok(()),
            Err(Some(error)) => {
                forbidden(format!("error authorizing {user} to request tokens for audience {audience}: {error}"))
            }
            Err(None) => forbidden(format!("{user} is not authorized to request tokens for audience {audience}")),
        }
    }

    fn volume_has_audience(&self, pod: &Pod, volume: &Volume, audience: &str) -> Result<bool, String> {
        let sources = volume.projected.iter().flat_map(|own| own.sources.iter().flatten());
        let mut tokens = sources.filter_map(|source| source.service_account_token.as_ref());
        if tokens.any(|token| token.audience.as_deref().unwrap_or_default() == audience) {
            return Ok(true);
        }
        let driver = if let Some(claim) = &volume.persistent_volume_claim {
            self.driver_of_claim(&claim.claim_name)?
        } else if volume.ephemeral.as_ref().is_some_and(|own| own.volume_claim_template.is_some()) {
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            self.driver_of_claim(&format!("{pod}-{}", volume.name))?
        } else {
            volume.csi.as_ref().map(|csi| csi.driver.clone())
        };
        let Some(driver) = driver.filter(|driver| !driver.is_empty()) else { return Ok(false) };
        let Some(driver) = self.cluster.csi_driver(&driver) else {
            return Err(format!("csidriver.storage.k8s.io {} not found", quote(&driver)));
        };
        let mut requests = driver.spec.token_requests.iter().flatten();
        Ok(requests.any(|request| request.audience == audience))
    }

    fn driver_of_claim(&self, name: &str) -> Result<Option<String>, String> {
        let Some(claim) = self.cluster.claim(self.write.namespace, name) else {
            return Err(format!("persistentvolumeclaim {} not found", quote(name)));
        };
        let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()).unwrap_or_default();
        let Some(volume) = self.cluster.volume(volume) else {
            return Err(format!("persistentvolume {} not found", quote(volume)));
        };
        Ok(volume.spec.as_ref().and_then(|spec| spec.csi.as_ref()).map(|csi| csi.driver.clone()))
    }

    pub(super) fn pod_certificate_request(&self) -> Checked {
        if self.write.operation != Operation::Create {
            return forbidden(format!("unexpected operation {}", self.write.operation.name()));
        }
        if !self.write.subresource.is_empty() {
            return forbidden(format!("unexpected subresource {}", self.write.subresource));
        }
        let Object::PodCertificateRequest(request) = self.write.object else { return unexpected_type() };
        let spec = &request.spec;
        let node = quote(&spec.node_name);
        if spec.node_name != self.node {
            return forbidden(format!(
                "PodCertificateRequest.Spec.NodeName={node}, which is not the requesting node {}",
                quote(self.node)
            ));
        }
        let retry = |text: String| Err(Refusal::Retry(text));
        let named = |name: &str| quote(&format!("{}/{name}", self.write.namespace));
        let pod_name = named(&spec.pod_name);
        let missing = |kind: &str, resource: &str, shown: &str, name: &str| {
            let named = format!("while retrieving {kind} {shown} named in the PodCertificateRequest");
            retry(format!("{named}: {resource} {} not found", quote(name)))
        };
        let Some(own) = self.cluster.node(self.node) else { return missing("node", "node", &node, self.node) };
        let uid = own.metadata.uid.as_deref().unwrap_or_default();
        if uid != spec.node_uid {
            return retry(format!(
                "PodCertificateRequest for pod {pod_name} names node UID {}, inconsistent with the running node ({})",
                quote(&spec.node_uid),
                quote(uid)
            ));
        }
        let Some(pod) = self.cluster.pod(self.write.namespace, &spec.pod_name) else {
            return missing("pod", "pod", &pod_name, &spec.pod_name);
        };
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        if uid != spec.pod_uid {
            return retry(format!(
                "PodCertificateRequest for pod {pod_name} contains pod UID ({}) which differs from running pod {}",
                quote(&spec.pod_uid),
                quote(uid)
            ));
        }
        if node_of(&pod) != self.node {
            return forbidden(format!(
                "pod {pod_name} is not running on node {node} named in the PodCertificateRequest"
            ));
        }
        if is_mirror(&pod) {
            return forbidden(format!("pod {pod_name} is a mirror pod"));
        }
        let account = pod.spec.as_ref().and_then(|own| own.service_account_name.as_deref()).unwrap_or_default();
        if account != spec.service_account_name {
            return forbidden(format!(
                "PodCertificateRequest for pod {pod_name} contains serviceAccountName ({}) that differs from running \
                 pod ({})",
                quote(&spec.service_account_name),
                quote(account)
            ));
        }
        let Some(found) = self.cluster.service_account(self.write.namespace, account) else {
            return missing("service account", "serviceaccount", &named(account), account);
        };
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        if uid != spec.service_account_uid {
            return retry(format!(
                "PodCertificateRequest for pod {pod_name} names service account UID {}, which differs from the running \
                 service account ({})",
                quote(&spec.service_account_uid),
                quote(uid)
            ));
        }
        self.signer(&pod, &pod_name, &spec.signer_name, account)
    }

    /// Whether the pod mounts a certificate of this signer, or the node has the right to ask for it all the same.
    fn signer(&self, pod: &Pod, pod_name: &str, signer: &str, account: &str) -> Checked {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let sources = volumes.flat_map(|volume| volume.projected.iter().flat_map(|own| own.sources.iter().flatten()));
        let mut certificates = sources.filter_map(|source| source.pod_certificate.as_ref());
        if certificates.any(|own| own.signer_name == signer) {
            return Ok(());
        }
        // A resource has no slash, in RBAC.
        match self.ask("request-serviceaccounts-podcertificate-signer", &signer.replace('/', ":"), account) {
            Ok(()) => Ok(()),
            Err(Some(error)) => forbidden(format!(
                "error authorizing {} to request podcertificaterequests for signer {}: {error}",
                self.write.user.name,
                quote(signer)
            )),
            Err(None) => forbidden(format!(
                "pod {pod_name} does not mount a podCertificate projected volume for signer {}",
                quote(signer)
            )),
        }
    }

    /// `Err` with what went wrong, if anything did, when it is not allowed.
    fn ask(&self, verb: &str, resource: &str, name: &str) -> Result<(), Option<String>> {
        let mut attributes = Attributes::resource(self.write.user.clone(), verb, self.write.api_group, resource);
        attributes = attributes.in_namespace(self.write.namespace).named(name);
        self.write.api_version.clone_into(&mut attributes.api_version);
        let verdict = self.authorizer.authorize(&attributes);
        if verdict.is_allowed() { Ok(()) } else { Err(verdict.error) }
    }
}
