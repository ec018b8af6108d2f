import type { MachineConfig } from "../../../lib/openshift/rollout/rollout-objects";
import { registryUnused, rulesAccepted, rulesRendered } from "../../../lib/openshift/rollout/rules-rollout";
import type { RegistriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../../lib/openshift/rules/registries-toml";
import { machineConfig, pool } from "../../support/rollout-objects";

const DONE = { state: "done" };
const waiting = (text: unknown) => expect.objectContaining({ state: "waiting", waitingFor: [text] });

const RULES: RegistriesConf = {
    registry: [
        {
            location: "quay.io",
            blocked: true,
            mirror: [
                { location: "registry.test:8443/mirror/quay.io", "pull-from-mirror": "digest-only" },
                { location: "registry.test:8443/mirror/quay.io", "pull-from-mirror": "tag-only" },
            ],
        },
        { location: "docker.io", mirror: [{ location: "registry.test:8443/mirror/docker.io" }] },
    ],
};
const CONF = "/etc/containers/registries.conf";

/** The file with the first source changed. */
function changed(change: (rule: Record<string, unknown>) => Record<string, unknown>): string {
    const [first = {}, ...rest] = RULES.registry ?? [];
    return formatRegistriesConf({ registry: [change({ ...first }), ...rest] } as RegistriesConf);
}

const FILES: [string, string, boolean][] = [
    ["all sources are there", formatRegistriesConf(RULES), true],
    [
        "unset strings are spelled out",
        formatRegistriesConf(RULES).replace('location = "docker.io"', 'prefix = ""\nlocation = "docker.io"'),
        true,
    ],
    [
        "another object adds a mirror",
        changed((rule) => ({ ...rule, mirror: [...(rule.mirror as unknown[]), { location: "other.test/quay" }] })),
        true,
    ],
    ["a source is missing", changed((rule) => ({ ...rule, location: "quay.example" })), false],
    ["a mirror is missing", changed((rule) => ({ ...rule, mirror: (rule.mirror as unknown[]).slice(0, 1) })), false],
    [
        "a mirror is for the wrong form",
        changed((rule) => ({ ...rule, mirror: [{ location: "registry.test:8443/mirror/quay.io" }] })),
        false,
    ],
    ["the upstream is not forbidden yet", changed(({ blocked: _, ...rule }) => rule), false],
    ["the file is empty", "", false],
];

describe("step 3, the mirror rules are accepted", () => {
    const find =
        (...configs: MachineConfig[]) =>
        (name: string) =>
            configs.find(({ metadata }) => metadata.name === name);
    const generated = (name: string, text: string) =>
        machineConfig(`99-${name}-generated-registries`, { [CONF]: text });

    test.each(FILES)("%s", (_name, text, isMet) => {
        const result = rulesAccepted(RULES, [pool("worker")], find(generated("worker", text)));
        expect(result).toEqual(isMet ? DONE : waiting(expect.stringMatching(/^pool worker: no rule as expected for /)));
    });

    test("every built-in pool has a file of its own; custom pools have none", () => {
        const pools = [pool("master"), pool("worker"), pool("infra")];
        const worker = generated("worker", formatRegistriesConf(RULES));
        expect(rulesAccepted(RULES, pools, find(worker))).toEqual(waiting(expect.stringContaining("pool master")));
        const master = generated("master", formatRegistriesConf(RULES));
        expect(rulesAccepted(RULES, pools, find(worker, master))).toEqual(DONE);
    });

    test("old clusters keep the name with the pool's UID, which is the one in use", () => {
        const old = machineConfig("99-worker-uid-worker-registries", { [CONF]: formatRegistriesConf(RULES) });
        expect(rulesAccepted(RULES, [pool("worker")], find(old))).toEqual(DONE);
    });

    test("up to 4.12 the setting of the whole source counts", () => {
        const rules = (digestOnly: boolean): RegistriesConf => ({
            registry: [
                {
                    location: "quay.io",
                    "mirror-by-digest-only": digestOnly,
                    mirror: [{ location: "registry.test/quay.io" }],
                },
            ],
        });
        const accept = (expected: RegistriesConf, found: RegistriesConf) =>
            rulesAccepted(expected, [pool("worker")], find(generated("worker", formatRegistriesConf(found))));
        expect(accept(rules(true), rules(true))).toEqual(DONE);
        expect(accept(rules(true), rules(false))).toEqual(waiting(expect.stringContaining("quay.io")));
    });
});

describe("step 4, the mirror rules are rendered", () => {
    test.each(FILES)("%s", (_name, text, isMet) => {
        const result = rulesRendered(RULES, [pool("worker")], () =>
            machineConfig("rendered-worker-1", { [CONF]: text }),
        );
        expect(result).toEqual(
            isMet ? DONE : waiting(expect.stringMatching(/^pool worker, rendered-worker-1: no rule as expected for /)),
        );
    });

    test("custom pools have to have them too", () => {
        const find = (name: string) =>
            name === "rendered-worker-1" ? machineConfig(name, { [CONF]: formatRegistriesConf(RULES) }) : undefined;
        const result = rulesRendered(RULES, [pool("worker"), pool("infra")], find);
        expect(result).toEqual(waiting(expect.stringContaining("pool infra, not rendered")));
    });
});

test.each([
    ["registry.test:8443", true],
    ["registry.test:844", false],
    ["registry.test", false],
    ["other.test", false],
])("nodes use the registry %s: %s", (host, isUsed) => {
    const config = machineConfig("rendered-worker-1", { [CONF]: formatRegistriesConf(RULES) });
    const pools = [pool("worker", { wanted: "rendered-worker-1" })];
    const result = registryUnused(host, pools, (name) => (name === config.metadata.name ? config : undefined));
    expect(result).toEqual(isUsed ? waiting(expect.stringContaining(`without mirrors at ${host}`)) : DONE);
});
