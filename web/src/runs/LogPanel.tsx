import { ActionIcon, Group, Switch, Text, TextInput, Tooltip } from '@mantine/core';
import { IconDownload, IconSearch } from '@tabler/icons-react';
import { Fragment, useEffect, useRef, useState } from 'react';
import { ProblemView } from '~/common';
import type { LogPlace } from './requests';
import classes from './runs.module.css';
import { useLog } from './useLog';

function Marked({ text, word }: { text: string; word: string }) {
  if (!word) return text;
  const pieces = text.split(new RegExp(`(${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`, 'gi'));
  // A piece has no identity but its place.
  return pieces.map((piece, place) => {
    const key = `${place}`;
    return place % 2 ? <mark key={key}>{piece}</mark> : <Fragment key={key}>{piece}</Fragment>;
  });
}

function save(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  Object.assign(document.createElement('a'), { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}

/** The log of an attempt: live, followed to its end, searchable, to be saved. */
export function LogPanel({ place }: { place: LogPlace }) {
  const log = useLog(place);
  const [follow, setFollow] = useState(true);
  const [word, setWord] = useState('');
  const pane = useRef<HTMLPreElement>(null);
  const text = log.data?.text ?? '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is what moves the log to its end
  useEffect(() => {
    if (follow && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [text, follow]);
  if (log.error && !log.data) return <ProblemView error={log.error} retry={() => log.refetch()} />;
  return (
    <>
      <Group gap={8} wrap="nowrap" mb={8}>
        <TextInput
          size="xs"
          flex={1}
          aria-label="Search the log"
          placeholder="Search the log"
          leftSection={<IconSearch size={14} />}
          value={word}
          onChange={(event) => setWord(event.currentTarget.value)}
        />
        <Switch
          size="xs"
          label="Follow"
          checked={follow}
          onChange={(event) => setFollow(event.currentTarget.checked)}
        />
        <Tooltip label="Save the log">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Save the log"
            onClick={() => save(`${place.task}-${place.number}.log`, text)}
          >
            <IconDownload size={16} stroke={1.5} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <pre
        ref={pane}
        className={classes.log}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled pane must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label="Log"
        style={{ flex: 1, minHeight: 200 }}
      >
        {text ? (
          <Marked text={text} word={word} />
        ) : log.data?.finished ? (
          'This attempt wrote nothing.'
        ) : (
          'Waiting for output …'
        )}
      </pre>
      {log.data && (
        <Text fz="xs" c="dimmed" mt={4}>
          {log.data.finished ? 'Complete.' : 'Live.'}
        </Text>
      )}
    </>
  );
}
