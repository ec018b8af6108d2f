import { quay } from "../../../lib/registries/quay/quay";
import type { RegistryManagement } from "../../../lib/registries";
import { OWNER, managing, quayAccount } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";

const PUSH = { name: "importer-1", namespace: "mirror", right: "push", description: "site-a importer" } as const;
let fake: FakeQuay;

beforeEach(async () => {
    fake = await FakeQuay.start("quay");
    fake.model.addUser(OWNER.username, OWNER.password);
    fake.model.addOrganization("mirror", OWNER.username);
});

afterEach(() => fake.stop());

function manage<T>(use: (management: Required<RegistryManagement>) => Promise<T>) {
    return managing(quay, quayAccount(fake, OWNER), use);
}

function organization() {
    const found = fake.model.organizations.get("mirror");
    if (found === undefined) throw new Error("there is no organization");
    return found;
}

test("a robot account gets a new secret in place once, also if the response is lost; one that somebody regenerated is not taken", async () => {
    const made = await manage(({ robots }) => robots.create(PUSH));
    if (made === undefined) throw new Error("not made");
    const renew = () => manage(async ({ robots }) => robots.renewal?.renew(made.robot, PUSH));
    let isCut = false;
    const asked: string[] = [];
    fake.fault = (method, path) => {
        if (!path.endsWith("/regenerate")) return undefined;
        asked.push(`${method} ${path}`);
        if (isCut) return undefined;
        isCut = true;
        return { status: 200, cutAfter: 0 };
    };
    const renewed = await renew();
    expect(renewed?.robot).toEqual(made.robot);
    expect(renewed?.credentials.password).toBe(organization().robots.get("importer-1")?.token);
    expect(renewed?.credentials.password).not.toBe(made.credentials.password);
    expect(asked).toEqual(["POST /api/v1/organization/mirror/robots/importer-1/regenerate"]);
    // State still has the one that it had at first.
    const again = await renew();
    expect(again?.credentials.password).not.toBe(renewed?.credentials.password);
    expect(again?.credentials.password).toBe(organization().robots.get("importer-1")?.token);
    fake.model.removeRobot(organization(), "importer-1");
    await expect(renew()).rejects.toThrow("it does not exist, or not any more");
});
