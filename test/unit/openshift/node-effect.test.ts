import type { MirrorObject, RegistryRule } from "../../../lib/openshift";
import {
    type NodeConfiguration,
    describeNodeEffect,
    forecastNodeEffect,
} from "../../../lib/openshift/rules/node-effect";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { entry, icsp, idms, itms } from "./mirror-objects";

const [MIRROR, OTHER] = ["registry.lab.test:8443/mirror/quay.io", "second.lab.test/mirror/quay.io"];
const ALLOW = entry("quay.io", [MIRROR]);
const NEVER = entry("quay.io", [MIRROR], "NeverContactSource");
const TWO = entry("quay.io", [MIRROR, OTHER]);
const GHCR = entry("ghcr.io", ["registry.lab.test:8443/mirror/ghcr.io"]);
const GHCR_NEVER = { ...GHCR, mirrorSourcePolicy: "NeverContactSource" } as const;

/** Nodes with these objects, and what Image/cluster adds. */
function nodes(
    objects: readonly MirrorObject[],
    more: Partial<NodeConfiguration> & { readonly rules?: readonly RegistryRule[]; readonly version?: string } = {},
): NodeConfiguration {
    const { rules = [], version, ...rest } = more;
    const conf = registriesConf(objects, version);
    const registry = [...(conf.registry ?? []), ...rules];
    return { registriesConf: { ...conf, ...(registry.length === 0 ? {} : { registry }) }, ...rest };
}

const NOTHING = nodes([]);
const PAIR = nodes([idms(ALLOW), itms(ALLOW)]);

/** Written by hand from the machine-config operator's code and documentation, row by row. */
const RELOAD = { rollout: true, reboot: false, drain: false, crio: "reload" };
const DRAIN = { rollout: true, reboot: false, drain: true, crio: "reload" };
const CYCLE = { rollout: true, reboot: false, drain: false, crio: "none" };
const NONE = { rollout: false, reboot: false, drain: false, crio: "none" };
const RESTART = { rollout: true, reboot: false, drain: false, crio: "restart" };
const REBOOT = { rollout: true, reboot: true, drain: true, crio: "none" };

test.each<[string, NodeConfiguration, NodeConfiguration, object, string?]>([
    ["no change", PAIR, nodes([idms(ALLOW), itms(ALLOW)]), NONE],
    ["IDMS: a new source", NOTHING, nodes([idms(ALLOW)]), RELOAD],
    ["IDMS: a new source that is blocked", NOTHING, nodes([idms(NEVER)]), RELOAD],
    ["IDMS: a new source beside a pair", PAIR, nodes([idms(ALLOW, GHCR), itms(ALLOW)]), RELOAD],
    ["ICSP: a new source, 4.13 or later", NOTHING, nodes([icsp(ALLOW)]), RELOAD],
    [
        "ICSP: a new source, 4.12",
        nodes([], { version: "4.12.0" }),
        nodes([icsp(ALLOW)], { version: "4.12.0" }),
        RELOAD,
        "4.12.0",
    ],
    [
        "ICSP: a second mirror, 4.12",
        nodes([icsp(ALLOW)], { version: "4.12.0" }),
        nodes([icsp(TWO)], { version: "4.12.0" }),
        RELOAD,
        "4.12.0",
    ],
    [
        "ICSP: a mirror is removed, 4.12",
        nodes([icsp(TWO)], { version: "4.12.0" }),
        nodes([icsp(ALLOW)], { version: "4.12.0" }),
        DRAIN,
        "4.12.0",
    ],
    ["IDMS: a new mirror of a source without tag mirrors", nodes([idms(ALLOW)]), nodes([idms(TWO)]), RELOAD],
    ["ITMS: a new source", NOTHING, nodes([itms(ALLOW)]), DRAIN],
    ["IDMS and ITMS: a new source", PAIR, nodes([idms(ALLOW, GHCR), itms(ALLOW, GHCR)]), DRAIN],
    ["ITMS: a tag mirror at the digest mirror's location", nodes([idms(ALLOW)]), PAIR, DRAIN],
    [
        "ITMS: a tag mirror at another location",
        nodes([idms(ALLOW)]),
        nodes([idms(ALLOW), itms(entry("quay.io", [OTHER]))]),
        DRAIN,
    ],
    ["IDMS: a second mirror of a source with digest and tag mirrors", PAIR, nodes([idms(TWO), itms(ALLOW)]), DRAIN],
    ["policy: Allow to Never", PAIR, nodes([idms(NEVER), itms(NEVER)]), DRAIN],
    ["policy: Never to Allow", nodes([idms(NEVER)]), nodes([idms(ALLOW)]), DRAIN],
    ["a source that becomes insecure", nodes([idms(ALLOW)]), withInsecure(nodes([idms(ALLOW)])), DRAIN],
    ["a source is removed", nodes([idms(ALLOW, GHCR)]), nodes([idms(ALLOW)]), DRAIN],
    ["a mirror location is removed", nodes([idms(TWO)]), nodes([idms(ALLOW)]), DRAIN],
    ["ITMS removed, IDMS keeps location and policy", PAIR, nodes([idms(ALLOW)]), RELOAD],
    ["ITMS removed, and the policy changes", PAIR, nodes([idms(NEVER)]), DRAIN],
    ["IDMS removed, ITMS stays", PAIR, nodes([itms(ALLOW)]), DRAIN],
    ["insecureRegistries: a new entry", PAIR, nodes([idms(ALLOW), itms(ALLOW)], insecure()), DRAIN],
    ["blockedRegistries: a new entry", NOTHING, nodes([], { rules: [{ location: "x.test", blocked: true }] }), DRAIN],
    ["blockedRegistries: another order", blocked("x.test", "y.test"), blocked("y.test", "x.test"), RELOAD],
    ["policy.json and CRI-O's policies", PAIR, { ...PAIR, imagePolicy: "sigstore" }, RELOAD],
    ["the global pull secret", { ...PAIR, pullSecret: "1" }, { ...PAIR, pullSecret: "2" }, CYCLE],
    ["additionalTrustedCA", PAIR, { ...PAIR, additionalTrustedCa: "PEM" }, NONE],
    ["user-ca-bundle, 4.14 and later", PAIR, { ...PAIR, trustBundle: "PEM" }, RESTART, "4.14"],
    ["user-ca-bundle, the newest", PAIR, { ...PAIR, trustBundle: "PEM" }, RESTART],
    ["user-ca-bundle, before 4.14", PAIR, { ...PAIR, trustBundle: "PEM" }, REBOOT, "4.13.30"],
    ["containerRuntimeSearchRegistries, own drop-ins", PAIR, { ...PAIR, dropIns: "short names" }, REBOOT],
    ["ICSP to an equal IDMS", nodes([icsp(ALLOW)]), nodes([icsp(ALLOW), idms(ALLOW)]), NONE],
    ["the ICSP is deleted then", nodes([icsp(ALLOW), idms(ALLOW)]), nodes([idms(ALLOW)]), NONE],
    ["search registries: one more", PAIR, withSearch("registry.access.redhat.com", "docker.io", "a.test"), RELOAD],
    ["search registries: another order", PAIR, withSearch("docker.io", "registry.access.redhat.com"), DRAIN],
    [
        "two changes: the stronger counts",
        PAIR,
        { ...nodes([idms(NEVER), itms(NEVER)]), trustBundle: "1" },
        { ...DRAIN, crio: "restart" },
    ],
])("%s", (...[, before, after, effect, version]) => {
    expect(forecastNodeEffect(before, after, version)).toMatchObject(effect);
});

function withInsecure(configuration: NodeConfiguration): NodeConfiguration {
    const registry = configuration.registriesConf.registry?.map((rule) => ({ ...rule, insecure: true }));
    return { registriesConf: { ...configuration.registriesConf, registry } };
}

function blocked(...hosts: string[]): NodeConfiguration {
    return { registriesConf: registriesConf([], undefined, { blockedRegistries: hosts }) };
}

function insecure() {
    return { rules: [{ location: "lab.test", insecure: true }] };
}

function withSearch(...hosts: string[]): NodeConfiguration {
    return { registriesConf: { ...PAIR.registriesConf, "unqualified-search-registries": hosts } };
}

test("every change is named by its source, and only changes are", () => {
    const before = nodes([idms(ALLOW, GHCR), itms(ALLOW, GHCR)]);
    const after = nodes([idms(NEVER, GHCR), itms(NEVER, GHCR)]);
    expect(forecastNodeEffect(before, after).reasons).toEqual(["quay.io: upstream is forbidden"]);
    expect(forecastNodeEffect(after, before).reasons).toEqual(["quay.io: upstream is allowed"]);
    expect(forecastNodeEffect(before, PAIR).reasons).toEqual(["ghcr.io: removed"]);
    expect(forecastNodeEffect(PAIR, nodes([idms(ALLOW, GHCR_NEVER), itms(ALLOW)])).reasons).toEqual([
        "ghcr.io: added, for digests",
    ]);
    expect(forecastNodeEffect(PAIR, before).reasons).toEqual(["ghcr.io: added, for tags"]);
    expect(forecastNodeEffect(PAIR, nodes([idms(TWO), itms(ALLOW)])).reasons).toEqual([
        "quay.io: changes, and one location serves its digests and tags",
    ]);
    expect(forecastNodeEffect(nodes([idms(ALLOW)]), PAIR).reasons).toEqual([
        `quay.io: mirror ${MIRROR} for tags is added`,
    ]);
});

test.each([
    [NONE, "no effect on nodes"],
    [CYCLE, "nodes get new files, without a drain"],
    [RELOAD, "nodes reload CRI-O, one after the other, without a drain"],
    [DRAIN, "nodes drain and reload CRI-O, one after the other"],
    [RESTART, "nodes restart CRI-O, one after the other, without a drain"],
    [REBOOT, "nodes drain and reboot, one after the other"],
] as const)("%j in words: %s", (effect, text) => {
    expect(describeNodeEffect({ ...effect, reasons: [] } as Parameters<typeof describeNodeEffect>[0])).toBe(text);
});
