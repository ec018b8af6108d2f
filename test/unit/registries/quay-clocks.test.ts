import { RegistryError } from "../../../lib/errors/errors";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { quay } from "../../../lib/registries/quay/quay";
import { OWNER, quayAccount, managing } from "../../support/quay/account";
import { FakeQuay } from "../../support/quay/fake-quay";
import { abort } from "../../support/quay/reply";

const ROBOT = { name: "importer-1", namespace: "mirror", right: "push", description: "site-a importer" } as const;
const MANIFEST = "/v2/mirror/quay.io/a/b/manifests/1";

let fake: FakeQuay;

beforeEach(async () => {
    fake = await FakeQuay.start("quay");
    fake.model.addUser(OWNER.username, OWNER.password);
    fake.model.addOrganization("mirror", OWNER.username);
});

afterEach(() => fake.stop());

// registry-apis.md §4: what Quay says where the clock that reads a token is not the one that issued it.
test.each(["Signature has expired", "The token is not yet valid (iat)"])(
    "a token that is refused although it was just given out (%s) is no reason to go on asking, and the cure names the clocks",
    async (refusal) => {
        const made = await managing(quay, quayAccount(fake, OWNER), ({ robots }) => robots.create(ROBOT));
        if (made === undefined) throw new Error("not made");
        let asked = 0;
        fake.fault = (_method, path) => {
            // The first has no token, and is challenged.
            if (path !== MANIFEST || asked++ === 0) return undefined;
            return abort(401, refusal);
        };
        const client = new RegistryClient({
            endpoint: { host: fake.host, plainHttp: true },
            credentials: made.credentials,
            retry: { seconds: 60, firstDelay: 1, longestDelay: 1 },
        });
        try {
            const error: unknown = await client
                .manifestGet("mirror/quay.io/a/b", "1")
                .catch((thrown: unknown) => thrown);
            if (!(error instanceof RegistryError)) throw new Error("it did not fail");
            expect(error).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
            expect(error.fix).toContain("the clocks of the registry's machines");
            expect(error.message).not.toContain(made.credentials.password);
            expect(asked).toBe(2);
        } finally {
            await client.close();
        }
    },
);
