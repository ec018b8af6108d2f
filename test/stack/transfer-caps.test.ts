import { join } from "node:path";
import { Crowd } from "../support/faults/crowd";
import { FaultProxy } from "../support/faults/fault-proxy";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

test("up keeps to the caps of the site: requests in flight over all it does, and blobs among them", async () => {
    const site = await TestSite.create(join(FIXTURES, "with-mapping"));
    const { authority, registry, stack } = site;
    const proxy = await FaultProxy.start(registry.port, await authority.issue(), authority.ca);
    const crowd = new Crowd({ requests: 4, blobs: 2 });
    proxy.way = (asked) => crowd.join(asked);
    try {
        const transfer = { requests: 4, concurrency: 2 };
        stack.configure(site.document({ registry: { mirrorBase: `${proxy.host}/mirror` }, transfer }));
        expect(await stack.up()).toMatchObject({ code: 0 });
        expect(crowd.peak).toEqual({ requests: 4, blobs: 2 });
    } finally {
        await proxy.stop();
        await site.remove();
    }
});
