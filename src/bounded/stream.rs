//! What a library makes of a file, one piece after the other, on a thread that is watched: a few bytes can
//! say that they are a thousand million values, and the library would make them all.

use super::Exceeded;
use super::watched::{Bounds, Watched};
use std::sync::mpsc::sync_channel;

/// Pieces are handed over together up to this size, since each handing over takes time.
const TOGETHER: usize = 256 << 10;
const MOST_TOGETHER: usize = 512;

/// Makes pieces on a thread of its own, and takes each on this one. `make` hands each over with about how
/// many bytes it is, and ends where it is told that nobody takes more.
pub(crate) fn stream<T: Send + 'static, E>(
    bounds: Bounds,
    make: impl FnOnce(&mut dyn FnMut(T, usize) -> bool) + Send + 'static,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<Result<(), E>, Exceeded> {
    let (sender, made) = sync_channel::<Vec<T>>(0);
    let watched = Watched::start(bounds, move || {
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
        assert_eq!(ended, Err(Exceeded::Memory(64)));
    }
}
