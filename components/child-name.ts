/**
 * The name of a component's child: after the component, so that several of them in one program share no URN.
 *
 * Only in the components of this project's own program (its site is named "site") children have their plain names, since
 * the states of its stacks have them. Aliases would not do: the engine panics when a component is renamed and a refresh
 * runs the program, as `npm run up` does ("URN … had not been marked as seen", pulumi 3.259).
 * @param stock the component's name in this project's program
 */
export function childName(component: string, stock: string, child: string): string {
    return component === stock ? child : `${component}-${child}`;
}
