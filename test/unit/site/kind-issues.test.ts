import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { kindIssues } from "../../../lib/site/kind-issues";
import type { SiteDocument } from "../../../lib/site/schema";

const KEY =
    "write artifactory.example/<local repository>, as in artifactory.example/mirror: one component, 2 to 63 lower-case " +
    "letters, digits, . and -, not ending in -cache";

test.each([
    ["mirror", true],
    ["passthrough-mirror.2", true],
    ["my_mirror", false],
    ["mirror-cache", false],
    ["mirror/images", false],
    ["m", false],
    ["m".repeat(63), true],
    ["m".repeat(64), false],
])("the mirror base of Artifactory is the key of a repository: %s", (prefix, isValid) => {
    const mirrorBase = `artifactory.example/${prefix}`;
    const document = { registry: { type: "jfrog", mirrorBase } } as SiteDocument;
    const problem = `"${prefix}" is not a valid name for the local repository that jfrog keeps all images in`;
    expect(kindIssues(document, parseMirrorBase(mirrorBase))).toEqual(
        isValid ? [] : [{ key: "site.registry.mirrorBase", problem, fix: KEY }],
    );
});

test("Artifactory has no quota of a repository", () => {
    const registry = { type: "jfrog", mirrorBase: "artifactory.example/mirror", quota: 5 };
    const issues = kindIssues({ registry } as SiteDocument, parseMirrorBase(registry.mirrorBase));
    expect(issues).toEqual([{ key: "site.registry.quota", problem: "jfrog has no quota", fix: "leave it out" }]);
});

test.each([
    ["distribution", 0],
    ["harbor", 1],
    ["quay", 1],
    ["mirror-registry", 1],
    ["jfrog", 1],
])("an address for pushes is for registries whose accounts may all push: %s", (type, count) => {
    const registry = { type, mirrorBase: "registry.example/mirror", pushHost: "push.example" };
    const issues = kindIssues({ registry } as SiteDocument, parseMirrorBase(registry.mirrorBase));
    expect(issues.map(({ key }) => key)).toEqual(Array<string>(count).fill("site.registry.pushHost"));
});
