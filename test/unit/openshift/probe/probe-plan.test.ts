import { parseMirrorBase } from "../../../../lib/mirror/mirror-reference";
import type { RegistriesConf, RegistryRule } from "../../../../lib/openshift";
import { planSources } from "../../../../lib/openshift/probe/probe-plan";

const BASE = parseMirrorBase("registry.lab.test:8443/mirror");

function rule(location: string, changes: Partial<RegistryRule> = {}): RegistryRule {
    const mirrors = ["digest-only", "tag-only"] as const;
    const mirror = mirrors.map((form) => ({
        location: `registry.lab.test:8443/mirror/${location}`,
        "pull-from-mirror": form,
    }));
    return { location, mirror, ...changes };
}

const conf = (...registry: RegistryRule[]): RegistriesConf => ({ registry });

test("each source gets a path that its rule covers, in all forms", () => {
    const rules = conf(rule("quay.io"), rule("docker.io", { blocked: true }), rule("ghcr.io/team"));
    expect(planSources(rules, rules, BASE)).toEqual([
        {
            source: "docker.io",
            upstream: { registry: "docker.io", repository: "passthrough-probe/only-in-mirror" },
            mirror: { registry: BASE.host, repository: "mirror/docker.io/passthrough-probe/only-in-mirror" },
            isUpstreamForbidden: true,
            notProbed: {},
        },
        {
            source: "ghcr.io/team",
            upstream: { registry: "ghcr.io", repository: "team/passthrough-probe/only-in-mirror" },
            mirror: { registry: BASE.host, repository: "mirror/ghcr.io/team/passthrough-probe/only-in-mirror" },
            isUpstreamForbidden: false,
            notProbed: {},
        },
        expect.objectContaining({ source: "quay.io", isUpstreamForbidden: false, notProbed: {} }),
    ]);
});

const reasons = (wanted: RegistriesConf, current: RegistriesConf) => planSources(wanted, current, BASE)[0]?.notProbed;

test("without a rule in the cluster nothing is probed, and the path is named", () => {
    const reason = "no rule of the cluster covers quay.io/passthrough-probe/only-in-mirror";
    const missing = { reason, isExpected: false };
    expect(reasons(conf(rule("quay.io")), conf())).toEqual({ digest: missing, tag: missing, absent: missing });
});

test("a rule of others that is more specific, or asks another mirror first, is named", () => {
    const first = { location: "other.test/quay.io" };
    const current = conf(rule("quay.io", { mirror: [first, ...(rule("quay.io").mirror ?? [])] }));
    const detour = { reason: "the rule of quay.io leads to other.test/quay.io first", isExpected: false };
    expect(reasons(conf(rule("quay.io")), current)).toEqual({ digest: detour, tag: detour, absent: detour });
});

test("rules by digest only are as they should be where the site has no others, and a fault where it has", () => {
    const byDigest = conf(rule("quay.io", { mirror: rule("quay.io").mirror?.slice(0, 1) }));
    const reason = "the cluster's rule of quay.io redirects no pulls by tag";
    expect(reasons(byDigest, byDigest)).toEqual({ tag: { reason, isExpected: true } });
    expect(reasons(conf(rule("quay.io")), byDigest)).toEqual({ tag: { reason, isExpected: false } });
});

test("a mirror that another rule blocks is named", () => {
    const current = conf(rule("quay.io"), { location: "registry.lab.test:8443", blocked: true });
    expect(reasons(conf(rule("quay.io")), current)?.digest?.reason).toBe(
        "the rule of registry.lab.test:8443 blocks the mirror registry.lab.test:8443/mirror/quay.io",
    );
});

test("where repositories come first, an existing one is probed", () => {
    const rules = conf(rule("quay.io"));
    const [found] = planSources(rules, rules, BASE, () => ({ registry: "quay.io", repository: "org/app" }));
    expect(found?.mirror.repository).toBe("mirror/quay.io/org/app");
});
