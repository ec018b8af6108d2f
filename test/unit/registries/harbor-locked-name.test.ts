import { whenUnlocked } from "../../../lib/registries/harbor/locked-name";
import type { AdminResponse } from "../../../lib/registries/admin-client";

const answer = (status: number): AdminResponse => ({
    context: { registry: "harbor.example", operation: "GET /api/v2.0/users/current" },
    status,
    headers: {},
    text: "",
});
/** A Harbor that answers at once, with one status after the other. */
function harbor(...statuses: number[]) {
    const asked: number[] = [];
    const send = async () => {
        asked.push(asked.length);
        return answer(statuses[asked.length - 1] ?? 200);
    };
    return { asked, send };
}
const PATIENT = { retrySeconds: 5 };

test("a name that somebody else's failed login has locked is asked again, and the answer after that counts", async () => {
    const { asked, send } = harbor(401, 401, 200);
    expect(await whenUnlocked(PATIENT, send, 5)).toMatchObject({ status: 200 });
    expect(asked).toHaveLength(3);
});

test("a password that Harbor has judged is sent once: its refusal takes as long as the lock", async () => {
    const { asked, send } = harbor(401, 200);
    expect(await whenUnlocked(PATIENT, send, 0)).toMatchObject({ status: 401 });
    expect(asked).toHaveLength(1);
});

test("a name that stays locked ends with the refusal, and one who asks for no patience gets it at once", async () => {
    const locked = harbor(...Array<number>(100).fill(401));
    expect(await whenUnlocked({ retrySeconds: 0.05 }, locked.send, 20)).toMatchObject({ status: 401 });
    const hurried = harbor(401, 200);
    expect(await whenUnlocked({ retrySeconds: 0 }, hurried.send, 5)).toMatchObject({ status: 401 });
    expect(hurried.asked).toHaveLength(1);
});

test("other answers and the end of the run are not waited for", async () => {
    const denied = harbor(403);
    expect(await whenUnlocked(PATIENT, denied.send, 5)).toMatchObject({ status: 403 });
    expect(denied.asked).toHaveLength(1);
    const signal = AbortSignal.abort(new Error("canceled"));
    await expect(whenUnlocked({ ...PATIENT, signal }, harbor(401, 200).send, 5)).rejects.toThrow("canceled");
});
