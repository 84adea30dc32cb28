//! Offsets of the group: intents and commits.
//!
//! Metadata of an intent is `end,fingerprint` in hexadecimal, a few bytes of the 4 KiB that Kafka keeps.

use std::sync::Arc;
use std::time::Duration;

use backon::{BlockingRetryable, ExponentialBuilder};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use crate::source::Consumer;

/// What a commit says of the block that begins at its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// First offset behind the block.
    pub end: i64,
    /// What turns bytes into rows: build, format, mapping, key.
    pub fingerprint: u64,
}

impl Intent {
    /// As it stands in the commit's metadata.
    #[must_use]
    pub fn to_metadata(self) -> String {
        format!("{:x},{:016x}", self.end, self.fingerprint)
    }

    /// From a commit's metadata; `None` when it is empty or not ours.
    #[must_use]
    pub fn from_metadata(metadata: &str) -> Option<Self> {
        let (end, fingerprint) = metadata.split_once(',')?;
        Some(Intent {
            end: i64::from_str_radix(end, 16).ok()?,
            fingerprint: u64::from_str_radix(fingerprint, 16).ok()?,
        })
    }
}

/// Commits offsets of one topic.
#[derive(Clone)]
pub struct Offsets {
    consumer: Arc<Consumer>,
    topic: Arc<str>,
}

impl Offsets {
    /// Of `topic`, by the membership of `consumer`.
    #[must_use]
    pub fn new(consumer: Arc<Consumer>, topic: &str) -> Self {
        Offsets {
            consumer,
            topic: topic.into(),
        }
    }

    /// Commits `offset`, with an intent or without. Blocks until the broker has answered; repeats what may pass.
    ///
    /// # Errors
    /// The partition is not ours any more, or the broker does not answer for long.
    pub fn commit(
        &self,
        partition: i32,
        offset: i64,
        intent: Option<Intent>,
    ) -> Result<(), KafkaError> {
        let attempt = || {
            let mut list = TopicPartitionList::new();
            let mut element = list.add_partition(&self.topic, partition);
            element.set_offset(Offset::Offset(offset))?;
            if let Some(intent) = intent {
                element.set_metadata(intent.to_metadata());
            }
            match self.consumer.commit(&list, CommitMode::Sync) {
                Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset) => {
                    Ok(())
                }
                other => other,
            }
        };
        attempt
            .retry(
                ExponentialBuilder::default()
                    .with_min_delay(Duration::from_millis(50))
                    .with_max_times(8),
            )
            .when(may_pass)
            .notify(|error, _| warn!(partition, offset, %error, "commit failed, trying again"))
            .call()
    }
}

fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::NotCoordinator
                | Code::WaitingForCoordinator
                | Code::NetworkException
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_survives_its_metadata() {
        let intent = Intent {
            end: 1_234_567,
            fingerprint: 0xfeed,
        };
        assert_eq!(Intent::from_metadata(&intent.to_metadata()), Some(intent));
        assert_eq!(Intent::from_metadata(""), None);
        assert_eq!(Intent::from_metadata("someone else's"), None);
    }
}
