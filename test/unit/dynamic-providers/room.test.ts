import { roomLines, useRoom } from "../../../dynamic-providers/image-import/room";

const INPUTS = { registry: { type: "harbor", mirrorBase: "registry.example/mirror", retrySeconds: 60 } } as const;
const process = (limit: number, used: number) => ({
    rooms: new Map([["registry.example/mirror", { limit, used }]]),
});

test("what does not fit is told, with what is left and how much more is needed", () => {
    expect(roomLines(700_000, INPUTS, process(1_000_000, 400_000))).toEqual([
        "up to 700 kB are to come, and the quota of registry.example/mirror leaves 600 kB (400 kB of 1.00 MB used): the " +
            "registry refuses what is beyond it (403); raise it by 100 kB or free space first (docs/how-to/free-space.md)",
    ]);
});

test.each([
    ["what fits", 600_000, process(1_000_000, 400_000)],
    ["nothing to come where more is used than allowed", 0, process(1_000_000, 2_000_000)],
    ["a registry without a quota", 1e15, { rooms: new Map() }],
])("nothing is said of %s", (_, bytes, rooms) => {
    expect(roomLines(bytes, INPUTS, rooms)).toEqual([]);
});

test("what was sent is used up for the sets that follow", () => {
    const rooms = process(1_000_000, 400_000);
    useRoom(500_000, INPUTS, rooms);
    expect(rooms.rooms.get("registry.example/mirror")).toEqual({ limit: 1_000_000, used: 900_000 });
    expect(roomLines(100_001, INPUTS, rooms)).toHaveLength(1);
});
