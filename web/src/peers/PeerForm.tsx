import { Button, Checkbox, Group, PasswordInput, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Peer } from '~/api';
import { ProblemLine } from '~/common';
import { bodyOf, draftOf, NEW, type PeerDraft } from './facts';
import { addPeer, changePeer } from './requests';

interface Props {
  project: string;
  /** The peer that is changed; without one a new one is added. */
  peer?: Peer;
  onDone: () => unknown;
}

interface PartProps {
  draft: PeerDraft;
  change: (part: Partial<PeerDraft>) => void;
}

function Dimse({ draft, change }: PartProps) {
  return (
    <>
      <Group gap={12} grow align="flex-start">
        <TextInput
          label="Host"
          required
          value={draft.host}
          onChange={(event) => change({ host: event.currentTarget.value })}
        />
        <TextInput
          label="Port"
          required
          inputMode="numeric"
          value={draft.port}
          onChange={(event) => change({ port: event.currentTarget.value })}
        />
      </Group>
      <Checkbox
        label="Speak TLS with it"
        checked={draft.tls}
        onChange={(event) => change({ tls: event.currentTarget.checked })}
      />
      <Checkbox
        label="Retrieve by C-MOVE"
        description="For a PACS without C-GET; it must know this site's AE title, address and port."
        checked={draft.retrieve === 'move'}
        onChange={(event) => change({ retrieve: event.currentTarget.checked ? 'move' : 'get' })}
      />
    </>
  );
}

function Dicomweb({ draft, change, hasSecret }: PartProps & { hasSecret: boolean }) {
  return (
    <>
      <TextInput
        label="Address"
        description="Root of its DICOMweb services."
        placeholder="https://pacs.example/dicom-web"
        required
        value={draft.url}
        onChange={(event) => change({ url: event.currentTarget.value })}
      />
      <Group gap={12} grow align="flex-start">
        <TextInput
          label="User"
          description="Empty for a bearer token."
          value={draft.user_name}
          onChange={(event) => change({ user_name: event.currentTarget.value })}
        />
        <PasswordInput
          label="Password or token"
          description={hasSecret ? 'Empty leaves it as it is.' : 'It is never shown again.'}
          autoComplete="new-password"
          value={draft.secret}
          onChange={(event) => change({ secret: event.currentTarget.value })}
        />
      </Group>
    </>
  );
}

function Calling({ draft, change }: PartProps) {
  return (
    <>
      <TextInput
        label="Networks from which it may call"
        description="Such as 10.1.0.0/16; empty means its host and this machine."
        value={draft.networks}
        onChange={(event) => change({ networks: event.currentTarget.value })}
      />
      <Checkbox
        label="It may send images here"
        checked={draft.may_store}
        onChange={(event) => change({ may_store: event.currentTarget.checked })}
      />
      <Checkbox
        label="It may query and retrieve here"
        description="By C-FIND, C-MOVE and C-GET, in this project alone."
        checked={draft.may_query}
        onChange={(event) => change({ may_query: event.currentTarget.checked })}
      />
    </>
  );
}

/** Everything that a project knows of another DICOM application. */
export function PeerForm({ project, peer, onDone }: Props) {
  const [draft, setDraft] = useState<PeerDraft>(peer ? draftOf(peer) : NEW);
  const change = (part: Partial<PeerDraft>) => setDraft({ ...draft, ...part });
  const save = useMutation({
    mutationFn: () => {
      const { name, ...facts } = bodyOf(draft);
      return peer ? changePeer(project, peer.name, facts) : addPeer(project, { name, ...facts });
    },
    onSuccess: onDone,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={16}>
        {!peer && (
          <TextInput
            label="Name"
            description="Small letters, digits and hyphens; people here see it."
            data-autofocus
            required
            value={draft.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
        )}
        <SegmentedControl
          aria-label="How it is called"
          data={[
            { value: 'dimse', label: 'DIMSE' },
            { value: 'dicomweb', label: 'DICOMweb' },
          ]}
          value={draft.kind}
          onChange={(kind) => change({ kind: kind as PeerDraft['kind'] })}
        />
        <TextInput
          label="AE title"
          description="Under which it calls and is called."
          required={draft.kind === 'dimse'}
          maxLength={16}
          value={draft.ae_title}
          onChange={(event) => change({ ae_title: event.currentTarget.value })}
        />
        {draft.kind === 'dimse' ? (
          <Dimse draft={draft} change={change} />
        ) : (
          <Dicomweb draft={draft} change={change} hasSecret={peer?.has_secret ?? false} />
        )}
        {draft.ae_title && <Calling draft={draft} change={change} />}
        <Checkbox
          label="De-identify what is sent there"
          checked={draft.deidentify}
          onChange={(event) => change({ deidentify: event.currentTarget.checked })}
        />
        <TextInput
          label="Hours for which fetched images stay here"
          description="Empty keeps them for good. Otherwise they are then at the peer alone, and fetched again when somebody opens them."
          inputMode="numeric"
          value={draft.keep_hours}
          onChange={(event) => change({ keep_hours: event.currentTarget.value })}
        />
        <ProblemLine error={save.error} />
        <Button type="submit" loading={save.isPending}>
          {peer ? 'Save' : 'Add the peer'}
        </Button>
      </Stack>
    </form>
  );
}
