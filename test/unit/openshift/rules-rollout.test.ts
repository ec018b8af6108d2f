import { registryUnused } from "../../../lib/openshift/rollout/rules-rollout";
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

test("a pool without a rendered configuration is waited for; one without nodes is done", () => {
    const result = registryUnused(
        "registry.test:8443",
        [pool("worker"), pool("infra", { machines: 0 })],
        () => undefined,
    );
    expect(result).toEqual(waiting("pool worker: its rendered configuration"));
});

test("a paused pool that still has mirrors at the registry is a failure", () => {
    const config = machineConfig("rendered-worker-1", { [CONF]: formatRegistriesConf(RULES) });
    const paused = pool("worker", { wanted: "rendered-worker-1", paused: true });
    expect(registryUnused("registry.test:8443", [paused], () => config)).toMatchObject({ state: "failed" });
});
