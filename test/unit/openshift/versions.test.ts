import { mayMixKinds, mirrorKinds, parseClusterVersion } from "../../../lib/openshift/versions";

describe("parseClusterVersion", () => {
    test.each([
        ["4.18.20", { major: 4, minor: 18, patch: 20 }],
        ["4.18", { major: 4, minor: 18 }],
        ["4.20.0-rc.1", { major: 4, minor: 20, patch: 0 }],
        ["5.0.1", { major: 5, minor: 0, patch: 1 }],
    ])("reads %s", (text, version) => {
        expect(parseClusterVersion(text)).toEqual(version);
    });

    test.each(["", "4", "v4.18", "4.18.x", "4.18.20 ", "3.11.0", "latest"])("refuses %j with a cure", (text) => {
        expect(() => parseClusterVersion(text)).toThrow(
            expect.objectContaining({ code: "CLUSTER_VERSION_INVALID", fix: expect.stringContaining("4.18.20") }),
        );
    });
});

describe("mirrorKinds", () => {
    test.each([
        ["4.6", ["ICSP"]],
        ["4.12.80", ["ICSP"]],
        ["4.13.0", ["IDMS", "ITMS"]],
        ["4.18.20", ["IDMS", "ITMS"]],
        ["5.0.0", ["IDMS", "ITMS"]],
        [undefined, ["IDMS", "ITMS"]],
    ])("for %s are %j", (version, kinds) => {
        expect(mirrorKinds(version).kinds).toEqual(kinds);
    });

    test.each([
        ["4.12.80", /pulls by tag go upstream/],
        ["4.13.0", /Before 4\.13\.27 .* any ImageContentSourcePolicy/],
        ["4.13.26", /4\.13\.27/],
        ["4.13", /4\.13\.27/],
        ["4.14.2", /4\.14\.3/],
        ["4.20.1", /Upgradeable=False.*ack-4\.20-sigstore-in-4\.21/],
    ])("come with a note for %s", (version, note) => {
        const { notes } = mirrorKinds(version);
        expect(notes).toHaveLength(1);
        expect(notes[0]).toMatch(note);
    });

    test.each(["4.13.27", "4.14.3", "4.15.0", "4.19.9", "4.21.0", "5.0.0", undefined])(
        "need no note for %s",
        (version) => {
            expect(mirrorKinds(version).notes).toEqual([]);
        },
    );
});

test.each([
    ["4.12.80", false],
    ["4.13.26", false],
    ["4.13.27", true],
    ["4.14.2", false],
    ["4.14.3", true],
    ["4.15.0", true],
    ["5.0", true],
])("mayMixKinds of %s is %s", (version, expected) => {
    expect(mayMixKinds(parseClusterVersion(version))).toBe(expected);
});
