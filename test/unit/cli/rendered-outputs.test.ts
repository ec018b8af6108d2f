import { readClusterOutputs } from "../../../cli/commands/rendered-outputs";

test("a cluster may have the name of a property that every object has", () => {
    const outputs = {
        mirrorRules: { constructor: "rules", west: "rules of west" },
        registriesConf: { constructor: "conf", west: "conf of west" },
        registryCa: "ca",
        accessFiles: { "access/site-firewall.yaml": "rows" },
    };
    const clusters = new Map(readClusterOutputs(outputs));
    expect([...clusters.keys()]).toEqual(["constructor", "west"]);
    expect(clusters.get("constructor")).toMatchObject({
        mirrorRules: "rules",
        registriesConf: "conf",
        registryCa: "ca",
        accessFiles: outputs.accessFiles,
    });
});
