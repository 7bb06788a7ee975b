import { Radio, Stack } from '@mantine/core';

interface Props<Value extends string> {
  label: string;
  choices: { value: Value; label: string; description: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

/** One of a few ways, each with a sentence of what it means. */
export function Choice<Value extends string>({ label, choices, value, onChange }: Props<Value>) {
  return (
    <Radio.Group label={label} value={value} onChange={(chosen) => onChange(chosen as Value)}>
      <Stack gap={8} mt={8}>
        {choices.map((choice) => (
          <Radio key={choice.value} {...choice} />
        ))}
      </Stack>
    </Radio.Group>
  );
}
