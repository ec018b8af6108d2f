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
