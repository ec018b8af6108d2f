import { firstRepositories } from "../../../lib/passthrough";

test("each upstream host has the repository of its first image, whatever the order of the images", () => {
    const sources = ["quay.io/org/b:1", `registry.redhat.io/a/b@sha256:${"1".repeat(64)}`, "quay.io/org/a:2"];
    const expected = [
        ["quay.io", { registry: "quay.io", repository: "org/a" }],
        ["registry.redhat.io", { registry: "registry.redhat.io", repository: "a/b" }],
    ];
    expect([...firstRepositories(sources)]).toEqual(expected);
    expect([...firstRepositories(sources.reverse())]).toEqual(expected);
});
