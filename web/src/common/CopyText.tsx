import { Group, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { middle } from './format';

interface Props {
  text: string;
  /** Longest shown; the middle of longer ones is left out, since UIDs differ at their ends. */
  length?: number;
}

/** A UID, name or command that is copied by a click. */
export function CopyText({ text, length = 40 }: Props) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Tooltip label={clipboard.copied ? 'Copied' : text} multiline maw={520} style={{ overflowWrap: 'anywhere' }}>
      <UnstyledButton onClick={() => clipboard.copy(text)} aria-label={`${middle(text, length)}: copy`} maw="100%">
        <Group gap={4} wrap="nowrap">
          <Text span className="mono truncate">
            {middle(text, length)}
          </Text>
          {clipboard.copied ? <IconCheck size={13} color="var(--kahua-good)" /> : <IconCopy size={13} opacity={0.6} />}
        </Group>
      </UnstyledButton>
    </Tooltip>
  );
}

/** A command line to copy, as one block. */
export function CommandLine({ command }: { command: string }) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <UnstyledButton
      onClick={() => clipboard.copy(command)}
      aria-label={`Copy the command ${command}`}
      px={12}
      py={8}
      bg="var(--mantine-color-default)"
      w="100%"
      style={{ borderRadius: 6, border: '1px solid var(--kahua-line)' }}
    >
      <Group wrap="nowrap" justify="space-between" align="flex-start">
        <Text span className="mono" ta="left" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {command}
        </Text>
        {clipboard.copied ? <IconCheck size={14} color="var(--kahua-good)" /> : <IconCopy size={14} opacity={0.6} />}
      </Group>
    </UnstyledButton>
  );
}
