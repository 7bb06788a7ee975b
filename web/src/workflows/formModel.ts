/** What the form of a workflow's parameters is made of: JSON Schema, hints how to show it, and values. */
export type Values = Record<string, unknown>;

interface Property {
  title?: string;
  default?: unknown;
  [keyword: string]: unknown;
}

export interface FormSchema {
  properties?: Record<string, Property>;
  required?: string[];
  [keyword: string]: unknown;
}

const propertiesOf = (schema: FormSchema): [string, Property][] => Object.entries(schema.properties ?? {});

const unitOf = (hints: Values, name: string): string | undefined => {
  const hint = hints[name] as { 'ui:options'?: { unit?: unknown } } | undefined;
  const unit = hint?.['ui:options']?.unit;
  return typeof unit === 'string' ? unit : undefined;
};

/** The schema with each unit behind its title, since a number without a unit says nothing. */
export function withUnits(schema: FormSchema, hints: Values): FormSchema {
  const properties = propertiesOf(schema).map(([name, property]) => {
    const unit = unitOf(hints, name);
    return [name, unit ? { ...property, title: `${property.title ?? name} (${unit})` } : property];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

export const defaultsOf = (schema: FormSchema): Values =>
  Object.fromEntries(
    propertiesOf(schema)
      .filter(([, property]) => property.default !== undefined)
      .map(([name, property]) => [name, property.default]),
  );

/** Values that differ from the defaults: what has to be said to get the same again. */
export function chosenValues(schema: FormSchema, values: Values): Values {
  const defaults = defaultsOf(schema);
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value !== undefined && value !== defaults[name]),
  );
}

/** Names of the parameters that need a value and have none. */
export const missing = (schema: FormSchema, values: Values): string[] =>
  (schema.required ?? []).filter((name) => values[name] === undefined || values[name] === '');

/** Where values that a person has typed but not sent are kept: in this tab, over reloads. */
const draftKey = (project: string, workflow: string): string => `kahua-draft-${project}-${workflow}`;

/** Values that were left here before, so far as the form still has them. */
export function readDraft(
  project: string,
  workflow: string,
  schema: FormSchema,
  store: Storage = sessionStorage,
): Values {
  const text = store.getItem(draftKey(project, workflow));
  if (!text) return {};
  const names = new Set(propertiesOf(schema).map(([name]) => name));
  return Object.fromEntries(Object.entries(JSON.parse(text) as Values).filter(([name]) => names.has(name)));
}

export const keepDraft = (project: string, workflow: string, values: Values, store: Storage = sessionStorage): void =>
  store.setItem(draftKey(project, workflow), JSON.stringify(values));
