import { Transport } from "../../../lib/oci/transport";
import { testAuthority } from "../../support/certificates";
import { ScriptedServer } from "../../support/http-server";

test("a connection is kept after a HEAD, as after every other request", async () => {
    const authority = await testAuthority();
    const server = await ScriptedServer.start(() => ({ status: 200 }), await authority.issue());
    const transport = new Transport({ host: server.host, ca: authority.ca }, 1);
    try {
        for (const method of ["HEAD", "HEAD", "PUT", "HEAD", "GET"] as const) {
            const body = method === "PUT" ? { body: Buffer.from("bytes") } : {};
            const url = new URL("/v2/", server.origin);
            const answer = await transport.send({ method, url, operation: method, ...body });
            await answer.discard();
        }
        expect(server.seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "PUT", "HEAD", "GET"]);
        expect(server.connections).toBe(1);
    } finally {
        await transport.close();
        await server.stop();
    }
});
