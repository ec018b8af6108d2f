import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { Crowd } from "../support/faults/crowd";
import { FaultProxy } from "../support/faults/fault-proxy";

jest.setTimeout(120_000);

test("a command keeps to the caps of the site: requests in flight, and blobs among them", async () => {
    const site = await CommandSite.create("with-mapping");
    const authority = await testAuthority();
    writeFileSync(join(site.folder, "proxy.crt"), authority.ca);
    const registryCa = readFileSync(join(site.folder, "ca.crt"), "utf8");
    const proxy = await FaultProxy.start(site.registry.port, await authority.issue(), registryCa);
    const crowd = new Crowd({ requests: 4, blobs: 2 });
    proxy.way = (asked) => crowd.join(asked);
    try {
        site.configure({ mirrorBase: `${proxy.host}/mirror`, ca: "proxy.crt" }, { requests: 4, concurrency: 2 });
        expect(await site.run("import")).toMatchObject({ code: 0 });
        expect(crowd.peak).toEqual({ requests: 4, blobs: 2 });
    } finally {
        await proxy.stop();
        await site.remove();
    }
});
