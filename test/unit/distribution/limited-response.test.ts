import { limitedResponse } from "../../../lib/distribution/client/limited-response";
import type { HttpResponse } from "../../../lib/distribution/http/transport";
import { HostLimiter } from "../../../lib/distribution/limits/host-limiter";

const HOST = "registry.example:8443";

/** A response that has the only place at its host. */
async function onlyResponse() {
    const limiter = new HostLimiter(HOST);
    limiter.setCeiling(1);
    const enter = () => limiter.enter("GET x", 0, undefined);
    let isClosed = false;
    async function* bytes(): AsyncGenerator<Buffer> {
        try {
            for (;;) yield await Promise.resolve(Buffer.from("x"));
        } finally {
            isClosed = true;
        }
    }
    const response: HttpResponse = {
        context: { registry: HOST, operation: "GET x" },
        url: new URL(`https://${HOST}/`),
        status: 200,
        headers: {},
        bytes,
        text: () => Promise.resolve(""),
        discard: () => Promise.resolve(),
    };
    const limited = limitedResponse(response, await enter());
    return { reader: limited.bytes()[Symbol.asyncIterator](), enter, isClosed: () => isClosed };
}

test.each([0, 1])("a body that is left after %i pieces gives its place back, and is closed", async (pieces) => {
    const { reader, enter, isClosed } = await onlyResponse();
    for (let i = 0; i < pieces; i++) await reader.next();
    const next = enter();
    await reader.return?.();
    await next;
    expect(isClosed()).toBe(true);
});
