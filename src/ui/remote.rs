//! What is asked for in the background, and what there is of it.

use crate::core::Failure;

/// Something that is asked for in the background; what was there stays until the new arrives.
#[derive(Debug, Clone, Default)]
pub enum Remote<T> {
    #[default]
    Absent,
    Pending {
        previous: Option<T>,
    },
    Ready(T),
    Failed {
        failure: Failure,
        previous: Option<T>,
    },
}

impl<T> Remote<T> {
    /// What there is to show, new or old.
    pub fn shown(&self) -> Option<&T> {
        match self {
            Remote::Absent => None,
            Remote::Ready(value) => Some(value),
            Remote::Pending { previous } | Remote::Failed { previous, .. } => previous.as_ref(),
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Remote::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Remote::Absent)
    }

    pub fn is_pending(&self) -> bool {
        matches!(self, Remote::Pending { .. })
    }

    /// Whether it is to be asked for: it never was, or what mattered more broke it off.
    pub fn is_wanted(&self) -> bool {
        self.is_absent() || self.failure().is_some_and(|f| f.cancelled)
    }

    /// Asks anew, keeping what there is.
    pub fn ask(&mut self) {
        let previous = match std::mem::take(self) {
            Remote::Ready(value) => Some(value),
            Remote::Pending { previous } | Remote::Failed { previous, .. } => previous,
            Remote::Absent => None,
        };
        *self = Remote::Pending { previous };
    }

    pub fn arrive(&mut self, result: Result<T, Failure>) {
        *self = match result {
            Ok(value) => Remote::Ready(value),
            Err(failure) => {
                let previous = match std::mem::take(self) {
                    Remote::Ready(value) => Some(value),
                    Remote::Pending { previous } | Remote::Failed { previous, .. } => previous,
                    Remote::Absent => None,
                };
                Remote::Failed { failure, previous }
            }
        };
    }
}
