//! Being told to stop: Ctrl-C, a closed terminal, a kill.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody told us to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Whether we were told.
    pub fn told(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until we are told.
    pub fn wait(&self) {
        let told = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(told, |told| !*told));
    }

    fn tell(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

/// From now on a signal no longer ends the process; it tells the returned [`Stop`].
pub fn listen() -> Stop {
    let stop = Stop::default();
    let teller = stop.clone();
    let (ready, listening) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a small runtime can be made")
            .block_on(async {
                let on = |kind| signal(kind).expect("these signals can be listened to");
                let mut interrupt = on(SignalKind::interrupt());
                let mut terminate = on(SignalKind::terminate());
                let mut hangup = on(SignalKind::hangup());
                ready.send(()).expect("the starter waits for it");
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                teller.tell();
                // Further signals find a listener still: parts are being stopped in order.
                std::future::pending::<()>().await;
            });
    });
    listening.recv().expect("the listener starts");
    stop
}
