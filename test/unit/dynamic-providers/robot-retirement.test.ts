import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import { robotRetirementProvider } from "../../../dynamic-providers/robot-retirement/provider";
import { operationContext } from "../../support/operation-context";

const USERNAME = "robot$mirror+puller-1";
const INPUTS = {
    selfUrn: "urn:retirement",
    registry: { type: "harbor" as const, mirrorBase: "old.example/mirror", retrySeconds: 1 },
    credentials: { username: "admin", password: "canary-admin" },
    account: "admin" as const,
    namespace: "mirror",
    current: "robot$mirror+puller-2",
    retired: [
        {
            name: "puller-1",
            robot: { id: "1", username: USERNAME, createdAt: "2026-01-01T00:00:00Z" },
            retiredAt: "2026-02-01T00:00:00Z",
        },
    ],
    overlap: 7,
    users: [{ resource: "validation", username: "robot$mirror+puller-2" }],
    provenAt: { "puller-1": "2026-02-01T00:00:00Z" },
};
// As a preview has them that creates another account.
const UNKNOWN = { ...INPUTS, retired: UNKNOWN_VALUE as never, current: UNKNOWN_VALUE, users: UNKNOWN_VALUE as never };

async function previewLines(news: object): Promise<string[]> {
    const lines: string[] = [];
    await robotRetirementProvider.describeChanges?.(INPUTS, { ...UNKNOWN, ...news }, operationContext(lines));
    return lines;
}

test("a preview names an account whose overlap is over, but not where the registry moves: there nothing deletes it", async () => {
    expect(await previewLines({})).toEqual([
        `deletes account ${USERNAME}: its overlap ended on 2026-02-08, and no resource of the stack has it any more`,
    ]);
    expect(await previewLines({ registry: { ...INPUTS.registry, mirrorBase: "new.example/mirror" } })).toEqual([]);
});

test("in a preview without a change an account that nothing was retired of has none, and one that changes is not known", () => {
    const before = { ...INPUTS, retired: [], provenAt: undefined };
    const normalized = (news: object) =>
        robotRetirementProvider.normalizeInputs?.(before, { ...before, ...news }, operationContext());
    expect(normalized({ retired: UNKNOWN_VALUE })).toMatchObject({ retired: [] });
    expect(normalized(UNKNOWN)).toMatchObject({ retired: UNKNOWN_VALUE });
});
