/** A choice of series that another page works on, as it stands in that page's address. */
export interface Choice {
  /** Ids, joined by commas. */
  series?: string | undefined;
  /** Name under which more ids than an address can hold are kept in this tab; it survives a reload. */
  choice?: string | undefined;
}

/** Most ids that stand in the address itself, so that it can be shared. */
const MOST_IN_ADDRESS = 40;

const keyOf = (name: string): string => `kahua-choice-${name}`;

export function keepChoice(ids: readonly string[], store: Storage = sessionStorage): Choice {
  if (ids.length <= MOST_IN_ADDRESS) return { series: ids.join(',') };
  const name = crypto.randomUUID().slice(0, 8);
  store.setItem(keyOf(name), ids.join(','));
  return { choice: name };
}

/** The chosen ids; null when the address names none, or names one that this browser does not have. */
export function readChoice({ series, choice }: Choice, store: Storage = sessionStorage): string[] | null {
  const text = series ?? (choice ? store.getItem(keyOf(choice)) : null);
  return text ? text.split(',').filter(Boolean) : null;
}
