import { parseRegistriesConf, formatRegistriesConf } from "../rules/registries-toml";
import { type SignaturePolicy, policyJson, registriesD } from "../../signatures";
import { type TargetFiles, type TargetInput, withUsage } from "./target";

/** Last in the folder: a drop-in replaces the entries of earlier files with the same prefix. */
const DROP_IN = "registries.conf.d/999-registry-passthrough.conf";

const COPY = "Copy registries.conf.d and certs.d to /etc/containers.";

const USAGE: Readonly<Record<"microshift" | "podman", readonly string[]>> = {
    microshift: [
        COPY,
        "Add the registry's account (stack output pullSecret) to /etc/crio/openshift-pull-secret, then run:",
        "systemctl reload crio",
    ],
    podman: [
        COPY,
        "Credentials: podman login, or the global_auth_file of CRI-O (stack output pullSecret). CRI-O reads the rules",
        "again on systemctl reload crio.",
    ],
};

/**
 * What a host that reads containers-registries.conf(5) needs: a drop-in for /etc/containers/registries.conf.d, which
 * leaves the host's search registries alone, and the CA for /etc/containers/certs.d (containers-certs.d(5)).
 */
export function containerHostFiles(target: "microshift" | "podman", input: TargetInput): TargetFiles {
    const { registry = [] } = parseRegistriesConf(input.registriesConf, "the rules of this site");
    const rules = input.plainHttp ? registry.map(allowPlainHttp) : registry;
    const signatures = input.signatures.filter(({ namespace }) => namespace === undefined);
    const places = registry.flatMap(({ mirror = [] }) => mirror.map(({ location }) => location));
    return {
        files: {
            ...policyFiles(signatures, places),
            [DROP_IN]: withUsage(USAGE[target], formatRegistriesConf({ registry: rules })),
            ...(input.ca === "" ? {} : { [`certs.d/${input.registryHost}/ca.crt`]: input.ca }),
        },
        notes: [
            ...(signatures.length === 0 ? [] : [POLICY_NOTE]),
            ...(signatures.length === input.signatures.length ? [] : [NAMESPACE_NOTE]),
        ],
    };
}

const NAMESPACE_NOTE =
    "policies of site.signatures with namespaces are left out of policy.json: only the machine-config operator of OpenShift " +
    "gives nodes policies for namespaces";

const POLICY_NOTE =
    "policy.json takes the place of the host's /etc/containers/policy.json: add what that file has beside the default";

/** What a node has for the policies of a cluster: the policies, and where signatures are read. */
function policyFiles(policies: readonly SignaturePolicy[], places: readonly string[]): Record<string, string> {
    if (policies.length === 0) return {};
    const usage = "Copy registries.d to /etc/containers, and policy.json when verify --signatures succeeds.";
    return {
        "policy.json": policyJson(policies),
        "registries.d/registry-passthrough.yaml": withUsage([usage], registriesD(places)),
    };
}

function allowPlainHttp<Rule extends { mirror?: readonly { location: string }[] | undefined }>(rule: Rule): Rule {
    return { ...rule, mirror: (rule.mirror ?? []).map((mirror) => ({ ...mirror, insecure: true })) };
}
