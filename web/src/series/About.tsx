import { Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { SeriesDetail } from '~/api';
import { Age, CopyText, count, date, personName, size } from '~/common';
import classes from './series.module.css';

type Fact = [name: string, value: ReactNode];

function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl className={classes.facts}>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const SEX: Record<string, string> = { F: 'female', M: 'male', O: 'other' };

const place = (source: string, isHere: boolean): string =>
  isHere ? `here for a while, kept at ${source}` : `at ${source}, fetched when they are opened`;

/** What a series is, in words. */
export function About({ project, series }: { project: string; series: SeriesDetail }) {
  const { study } = series;
  return (
    <>
      <Title order={2} mb={8}>
        Series
      </Title>
      <Facts
        facts={[
          ['Modality', series.modality],
          ['Body part', series.body_part],
          ['Instances', `${count(series.instance_count)}, ${size(series.size)}`],
          ['Images', series.source && place(series.source, series.is_here)],
          ['Number', series.series_number],
          ['Made by', series.manufacturer],
          ['Received', <Age key="age" moment={series.received_at} />],
          ['UID', <CopyText key="uid" text={series.series_uid} length={34} />],
          [
            'Datasets',
            series.datasets.length > 0 &&
              series.datasets.map((dataset) => (
                <Link
                  key={dataset}
                  to="/projects/$project/datasets"
                  params={{ project }}
                  search={{ dataset }}
                  style={{ color: 'var(--mantine-color-anchor)', marginRight: 8 }}
                >
                  {dataset}
                </Link>
              )),
          ],
        ]}
      />
      <Title order={2} mb={8}>
        Study
      </Title>
      <Facts
        facts={[
          ['Description', study.description],
          ['Date', date(study.date)],
          ['Accession', study.accession_number],
          ['Referred by', personName(study.referring_physician)],
          ['UID', <CopyText key="uid" text={study.study_uid} length={34} />],
        ]}
      />
      <Title order={2} mb={8}>
        Patient
      </Title>
      <div className="patient">
        <Facts
          facts={[
            ['Name', personName(study.patient_name)],
            ['ID', study.patient_id],
            ['Born', date(study.patient_birth_date)],
            ['Sex', SEX[study.patient_sex] ?? study.patient_sex],
          ]}
        />
      </div>
    </>
  );
}
