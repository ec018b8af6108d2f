import { followsPreview } from "../../../dynamic-providers/lifecycle/preceding-preview";

test.each([
    [["/opt/pulumi/pulumi", "up", "--yes"], true],
    [["pulumi", "-C", "folder", "update", "--refresh"], true],
    [["pulumi", "up", "--skip-preview=false"], true],
    [["pulumi", "up", "--yes", "--skip-preview"], false],
    [["pulumi", "up", "-yf"], false],
    [["pulumi", "preview"], false],
    [["pulumi", "refresh", "--run-program"], false],
    [["node", "tools/pulumi.mjs", "up"], false],
    [[], false],
])("%j shows a preview before an update: %s", (command, expected) => {
    expect(followsPreview([["init"], command])).toBe(expected);
});

test("a process that no pulumi has started follows no preview", () => {
    expect(followsPreview()).toBe(false);
});
