import { buildDeclarations, ensureBuild } from "./build.mjs";
import { checkNode, ensureDependencies } from "./dependencies.mjs";
import { runMain } from "./prepare.mjs";
import { createProgress } from "./progress.mjs";
import { projectRoot } from "./workspace.mjs";

const usage = `usage: npm run build
Compiles the program and its declarations to dist/. Runs \`npm ci\` first if the packages in node_modules are not those
of package-lock.json. The other scripts compile by themselves; plain \`pulumi up\` needs this command.`;

/**
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
    if (args.length > 0) {
        process.stdout.write(`${usage}\n`);
        return args[0] === "--help" || args[0] === "-h" ? 0 : 2;
    }
    const progress = createProgress();
    checkNode();
    await ensureDependencies(projectRoot, progress);
    if (!(await ensureBuild(projectRoot, progress))) progress.note("dist/ is up to date");
    await buildDeclarations(projectRoot, progress);
    return 0;
}

await runMain(() => main(process.argv.slice(2)));
