import { RegistryTokens } from "../../../lib/distribution/auth/token-cache";
import type { HttpResponse, HttpRequest, Transport } from "../../../lib/distribution/http/transport";

test("who gives up waiting for a token ends its own waiting only", async () => {
    const asked: HttpRequest[] = [];
    let answer!: (answer: HttpResponse) => void;
    const transport = {
        send: (request: HttpRequest) => {
            asked.push(request);
            return new Promise<HttpResponse>((resolve) => {
                answer = resolve;
            });
        },
    } as unknown as Transport;
    const tokens = new RegistryTokens(transport);
    const ending = new AbortController();
    const request = {
        credentials: { username: "u", password: "p" },
        challenge: { scheme: "bearer", parameters: {} },
        realm: new URL("https://registry.example/token"),
        scopes: ["repository:a/b:pull,push"],
        operation: "POST a/b/blobs/uploads",
    };
    const first = tokens.token({ ...request, signal: ending.signal });
    const second = tokens.token({ ...request, signal: new AbortController().signal });
    ending.abort(new Error("gives up"));
    await expect(first).rejects.toThrow("gives up");
    const text = async () => JSON.stringify({ token: "t" });
    answer({ status: 200, headers: {}, text } as unknown as HttpResponse);
    expect(await second).toBe("t");
    expect(asked).toHaveLength(1);
});

describe("scopes that share a token", () => {
    const pull = (i: number) => `repository:mirror/quay.io/org/app${i}:pull`;
    const push = (i: number) => `${pull(i)},push`;

    /** A token endpoint that records what it was asked for, and may reject. */
    function endpoint(status: (scopes: readonly string[]) => number = () => 200) {
        const asked: string[][] = [];
        const transport = {
            send: async ({ url }: HttpRequest) => {
                const scopes = url.searchParams.getAll("scope");
                asked.push(scopes);
                const text = async () => JSON.stringify({ token: `t${asked.length}` });
                return { status: status(scopes), headers: {}, text, context: { operation: "GET", registry: "r" } };
            },
        } as unknown as Transport;
        const tokens = new RegistryTokens(transport);
        const token = (...scopes: string[]) =>
            tokens.token({
                credentials: { username: "u", password: "p" },
                challenge: { scheme: "bearer", parameters: {} },
                realm: new URL("https://registry.example/token"),
                scopes,
                operation: "HEAD",
            });
        return { asked, tokens, token };
    }

    test("are asked for together, as many as a header may hold", async () => {
        const { asked, tokens, token } = endpoint();
        const all = Array.from({ length: 100 }, (_, i) => [pull(i)]);
        tokens.groups.add(all);
        await Promise.all(all.map((scopes) => token(...scopes)));
        expect(asked.length).toBeLessThan(5);
        expect(asked.flat().sort()).toEqual(all.flat().sort());
        for (const scopes of asked) expect(scopes.join("").length).toBeLessThanOrEqual(1500);
    });

    test("serve for a mount, also from a repository that is written to", async () => {
        const { asked, tokens, token } = endpoint();
        tokens.groups.add([[push(1)], [push(2), pull(1), pull(9)]]);
        await token(push(1));
        await token(push(2), pull(1));
        await token(push(2), pull(9));
        expect(asked).toHaveLength(1);
        await token(push(2), pull(7));
        expect(asked[1]).toEqual([push(2), pull(7)]);
    });

    test("are asked for alone once the registry has rejected their token, or the endpoint what was asked", async () => {
        const { asked, tokens, token } = endpoint((scopes) =>
            scopes.includes(pull(3)) && scopes.length > 1 ? 400 : 200,
        );
        tokens.groups.add([[pull(1)], [pull(2)]]);
        const shared = await token(pull(1));
        tokens.drop([pull(1)], `Bearer ${shared}`);
        await token(pull(1));
        expect(asked).toEqual([[pull(1), pull(2)], [pull(1)]]);
        tokens.groups.add([[pull(3)], [pull(4)]]);
        await token(pull(3));
        expect(asked.slice(2)).toEqual([[pull(3), pull(4)], [pull(3)]]);
    });
});
