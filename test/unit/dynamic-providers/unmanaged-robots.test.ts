import {
    isRobotName,
    movedLines,
    robotDescription,
    unmanagedLines,
} from "../../../dynamic-providers/robot-account/description";

const NOW = new Date("2026-12-01T00:00:00Z");

function robot(name: string, expiresAt?: string, description?: string) {
    const role = name.startsWith("importer") ? "importer" : "puller";
    return {
        name,
        description: description ?? robotDescription("site-a", role, "0123abcd"),
        robot: {
            id: "7",
            username: `robot$mirror+${name}`,
            createdAt: "2026-11-01T00:00:00.000Z",
            ...(expiresAt === undefined ? {} : { expiresAt }),
        },
    };
}

test.each([
    [
        "puller-1",
        "2027-02-27T10:00:00.000Z",
        "it expires on 2027-02-27; clusters that have it in their pull secret need the new one before",
    ],
    ["puller-1", undefined, "it does not expire; delete it when no cluster has it in its pull secret"],
    ["puller-1", "2026-11-30T10:00:00.000Z", "it expired on 2026-11-30; delete it"],
    [
        "importer-2",
        "2026-12-20T10:00:00.000Z",
        "it expires on 2026-12-20; delete it earlier if the state of that stack is lost",
    ],
    ["importer-2", undefined, "it does not expire; delete it if the state of that stack is lost"],
] as const)("%s that expires at %s is named with what to do about it", (name, expiresAt, what) => {
    expect(unmanagedLines([robot(name, expiresAt)], NOW)).toEqual([
        `the robot account robot$mirror+${name}, created for stack site-a, is not managed by this stack and stays as it is: ${what}`,
    ]);
});

test("at another name of its registry, a stack's own accounts are not called those of a lost state", () => {
    const stranger = robot("puller-9", undefined, robotDescription("site-b", "puller", "0123abcd"));
    const move = { stack: "site-a", former: "old.example/mirror", now: NOW };
    expect(movedLines([robot("importer-2"), robot("puller-1"), stranger], move)).toEqual([
        "robot accounts of stack site-a are here already: robot$mirror+importer-2, robot$mirror+puller-1; if old.example/mirror " +
            "is another name of this registry, the importer that this stack has is deleted at the end of the `up`, and its " +
            "pullers stay; all others stay as they are",
        expect.stringContaining("robot$mirror+puller-9, created for stack site-b, is not managed by this stack"),
    ]);
    expect(movedLines([], move)).toEqual([]);
});

test("accounts that something else created are not named, whatever they are called", () => {
    expect(
        unmanagedLines([robot("puller-1", undefined, "CI pulls with this"), robot("puller-2", undefined, "")], NOW),
    ).toEqual([]);
    expect(["puller-1", "importer-12", "puller", "my-puller-1", "puller-1x"].filter(isRobotName)).toEqual([
        "puller-1",
        "importer-12",
    ]);
});
