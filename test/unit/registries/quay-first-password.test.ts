import { replaceFirstPassword } from "../../../lib/registries/quay/first-password";
import { quayAccount } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";

const FIRST = "first-password-0c11";
const LASTING = "lasting-password-77";

let registry: FakeQuay;
const replace = () =>
    replaceFirstPassword(
        { ...quayAccount(registry, { token: "" }), credentials: { username: "admin", password: LASTING } },
        FIRST,
    );
const password = () => registry.model.users.get("admin")?.password;

beforeEach(async () => {
    registry = await FakeQuay.start("mirror-registry");
    registry.model.addUser("admin", FIRST);
});
afterEach(() => registry.stop());

test("the first password is replaced once, and found replaced afterwards", async () => {
    await replace();
    expect(password()).toBe(LASTING);
    await replace();
    expect(registry.accesses.filter(({ method }) => method === "PUT")).toHaveLength(1);
    expect(registry.strange).toEqual([]);
});

test("a response that is lost is found again", async () => {
    let isLost = true;
    registry.fault = (method) => {
        if (method !== "PUT" || !isLost) return undefined;
        isLost = false;
        return { status: 200, cutAfter: 0 };
    };
    await replace();
    expect(password()).toBe(LASTING);
});

test("an account with neither password is an error that shows none", async () => {
    registry.model.addUser("admin", "somebody-has-changed-it");
    const error = await replace().then(
        () => "",
        (reason: Error) => `${reason.message} ${reason.stack ?? ""}`,
    );
    expect(error).toContain("rejected");
    expect(error).not.toContain(FIRST);
    expect(error).not.toContain(LASTING);
});

test("a password that Quay refuses is its own word", async () => {
    registry.fault = (method) =>
        method === "PUT"
            ? { status: 400, body: JSON.stringify({ message: "Invalid password, too short" }) }
            : undefined;
    await expect(replace()).rejects.toThrow("Invalid password, too short");
    expect(password()).toBe(FIRST);
});
