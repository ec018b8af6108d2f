import { readSite } from "../../../lib/site";

/** "key: problem; fix" of every issue of a site with this registry. */
function messages(registry: object): string[] {
    const context = { read: () => "", now: new Date(), stack: "site-a" };
    return readSite({ registry }, undefined, context).issues.map(
        ({ key, problem, fix }) => `${key}: ${problem}; ${fix}`,
    );
}

test.each([
    ["https://registry.example/mirror", "write registry.example/mirror"],
    ["registry.example/mirror/", "write registry.example/mirror"],
    ["registry/mirror", "write the host's full DNS name"],
    ["registry.example/Mirror", "write registry.example/mirror"],
    ["registry.example/mirror:1", "lower-case path components"],
])("an invalid mirror base %s is reported with a valid one", (mirrorBase, fix) => {
    const lines = messages({ type: "distribution", mirrorBase });
    expect(lines).toEqual([expect.stringMatching(/^site\.registry\.mirrorBase: /) as string]);
    expect(lines[0]).toContain(fix);
});

test("what is wrong for this kind of registry is told although the mirror base has other mistakes", () => {
    const registry = { type: "harbor", mirrorBase: "https://harbor.example/a/b/", plainHttp: true };
    expect(messages(registry)).toEqual([
        expect.stringMatching(
            /^site\.registry\.mirrorBase: .*it has a scheme, and it ends with a slash; write harbor\.example\/a\/b$/,
        ) as string,
        expect.stringContaining("site.registry.plainHttp: plain HTTP is for loopback only") as string,
        expect.stringContaining(
            'site.registry.mirrorBase: "a/b" is not a valid name for the project that harbor keeps all images in',
        ) as string,
    ]);
});
