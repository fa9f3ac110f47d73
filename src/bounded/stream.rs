//! Streaming of a library's output from a watched thread, one piece after the other: a few bytes of
//! a file can claim to be a billion values, and the library would allocate them all.

use super::LimitExceeded;
use super::watched_thread::{Bounds, WatchedThread};
use std::sync::mpsc::sync_channel;

/// Batch size in bytes up to which pieces are handed over together, since each handover takes time.
const TOGETHER: usize = 256 << 10;
const MOST_TOGETHER: usize = 512;

/// Runs `make` on a thread of its own, and `take` on this one. `make` passes on each piece with its
/// approximate size in bytes, and returns early if it is told that no more are taken.
pub(crate) fn stream<T: Send + 'static, E>(
    bounds: Bounds,
    make: impl FnOnce(&mut dyn FnMut(T, usize) -> bool) + Send + 'static,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<Result<(), E>, LimitExceeded> {
    let (sender, made) = sync_channel::<Vec<T>>(0);
    let watched = WatchedThread::start(bounds, move || {
        let (mut pieces, mut size) = (Vec::new(), 0_usize);
        let mut hand_over = |piece, bytes: usize| {
            pieces.push(piece);
            size = size.saturating_add(bytes);
            if size < TOGETHER && pieces.len() < MOST_TOGETHER {
                return true;
            }
            size = 0;
            sender.send(std::mem::take(&mut pieces)).is_ok()
        };
        make(&mut hand_over);
        // Nobody listens any more where something was wrong before.
        let _ = sender.send(pieces);
    })?;
    while let Some(pieces) = watched.wait(&made)? {
        for piece in pieces {
            if let Err(error) = take(piece) {
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { seconds: 8, mib: 64 };

    #[test]
    fn pieces_come_in_order_until_nobody_takes_more() {
        let mut taken = Vec::new();
        let done: Result<(), ()> = stream(
            BOUNDS,
            |each| {
                assert!((0..5_000).all(|it| each(it, 100)));
            },
            |it| {
                taken.push(it);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!((done, taken), (Ok(()), (0..5_000).collect()));
        let stopped = stream(
            BOUNDS,
            |each| while each(1, 1 << 20) {},
            |it| if it == 1 { Err("enough") } else { Ok(()) },
        );
        assert_eq!(stopped, Ok(Err("enough")));
    }

    #[test]
    fn what_one_piece_needs_is_bounded() {
        let ended = stream::<Vec<u8>, ()>(
            BOUNDS,
            |each| {
                let mut piece = Vec::new();
                while piece.len() < 1 << 30 {
                    piece.extend_from_slice(&[1; 1 << 12]);
                }
                each(piece, 1);
            },
            |_| Ok(()),
        );
        assert_eq!(ended, Err(LimitExceeded::Memory(64)));
    }
}
