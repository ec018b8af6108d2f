import { DEFAULT_UPSTREAM_HOSTS, classifyUpstream } from "../../../lib/mirror/upstreams";

describe("the named default list", () => {
    test("allows the registries and nothing that is egress only", () => {
        expect(DEFAULT_UPSTREAM_HOSTS).toEqual([
            "registry.access.redhat.com",
            "registry.redhat.io",
            "registry.connect.redhat.com",
            "quay.io",
            "docker.io",
        ]);
    });

    test.each([
        ["quay.io", "registry", "high"],
        ["Registry.Redhat.io", "registry", "core"],
        ["quay.io:443", "registry", "high"],
        ["quay.io/openshift-release-dev", "registry", "high"],
        ["cdn.quay.io", "egress-only", "egress"],
        ["cdn03.quay.io", "egress-only", "egress"],
        ["storage.googleapis.com", "egress-only", "egress"],
        ["storage.googleapis.com/openshift-release", "egress-only", "egress"],
        ["github.com", "egress-only", "egress"],
    ])("calls %s %s, %s", (host, kind, priority) => {
        expect(classifyUpstream(host)).toMatchObject({ class: kind, priority });
    });

    test.each([
        "ghcr.io",
        "registry.gitlab.com",
        "quay.io.example.com",
        "quay.io:8443",
        "storage.googleapis.com/other",
    ])("does not know %s", (host) => {
        expect(classifyUpstream(host)).toBeUndefined();
    });
});
