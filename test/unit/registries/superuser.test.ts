import { mirrorRegistry } from "../../../lib/registries/mirror-registry";
import { quay } from "../../../lib/registries/quay/quay";
import { OWNER, quayAccount } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";

describe("mirror-registry's free superuser", () => {
    let registry: FakeQuay;
    const claim = (password: string) => mirrorRegistry.superuser?.claim(quayAccount(registry, OWNER), password);
    const MINE = "a-password-of-ours-77";

    beforeEach(async () => {
        registry = await FakeQuay.start("mirror-registry");
        registry.model.addUser(OWNER.username, OWNER.password);
    });

    afterEach(() => registry.stop());

    test("is taken once, found again as ours, also when the answer was lost", async () => {
        let isLost = true;
        registry.fault = (method, path) => {
            if (method !== "POST" || path !== "/api/v1/user/" || !isLost) return undefined;
            isLost = false;
            return { status: 200, cutAfter: 0 };
        };
        expect(await mirrorRegistry.superuser?.isTaken(quayAccount(registry, OWNER))).toBe(false);
        await claim(MINE);
        expect(registry.model.users.get("admin")?.password).toBe(MINE);
        await claim(MINE);
        expect(await mirrorRegistry.superuser?.isTaken(quayAccount(registry, OWNER))).toBe(true);
        expect(registry.accesses.filter(({ path }) => path === "/api/v1/user/")).toHaveLength(0);
    });

    test("is asked about and registered as the account where anonymous access is off", async () => {
        registry.setting = { ...registry.setting, anonymousAccess: false };
        expect(await mirrorRegistry.superuser?.isTaken(quayAccount(registry, OWNER))).toBe(false);
        await claim(MINE);
        expect(registry.model.users.get("admin")?.password).toBe(MINE);
        expect(await mirrorRegistry.superuser?.isTaken(quayAccount(registry, OWNER))).toBe(true);
    });

    test("is taken, as far as anybody knows, where a gateway responds with 404", async () => {
        const noRoute = JSON.stringify({ message: "no Route matched with those values" });
        registry.fault = (_, path) => (path.startsWith("/api/v1/users/") ? { status: 404, body: noRoute } : undefined);
        expect(await mirrorRegistry.superuser?.isTaken(quayAccount(registry, OWNER))).toBe(true);
    });

    test("that somebody else has already is told for what it is", async () => {
        registry.model.addUser("admin", "a-password-of-theirs");
        await expect(claim(MINE)).rejects.toThrow(
            "superuser admin: it is registered, and not with superuserPassword; set superuserPassword",
        );
    });

    test("whose registration is off is an error", async () => {
        registry.setting = { ...registry.setting, userCreation: false };
        await expect(claim(MINE)).rejects.toThrow("Creation of a user account is disabled");
    });

    test("is no matter of other kinds", () => {
        expect(quay.superuser).toBeUndefined();
    });
});
